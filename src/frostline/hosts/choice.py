"""Chooses where a platform's artifacts are built: on the host, in a container or on GitHub."""

import platform as python_platform
from typing import Literal

from frostline.core.errors import HostError
from frostline.core.platforms import Platform, host

Place = Literal["host", "container", "remote"]
Where = Literal["auto", "host", "container", "remote"]


def choose(platform: Platform, where: Where, *, promised: bool, libc: str | None = None) -> Place:
    """Return the place that *where* names; for `auto`, the closest place that can build.

    *promised*: the artifact must run on *platform*'s minimum system, so a host with a newer glibc
    cannot build it. *libc* is the host's glibc version (default: detected). Raises HostError.
    """
    if where == "container" and not platform.oci:
        message = f"there are no containers for {platform.name}."
        hint = f"build it on a {platform.name} machine, or with --where remote"
        raise HostError(message, hint=hint)
    if where != "auto":
        return where
    if platform == host():
        version = python_platform.libc_ver()[1] if libc is None else libc
        newer = _numbers(version) > platform.oldest[1]
        return "container" if platform.oci and promised and newer else "host"
    return "container" if platform.oci else "remote"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
