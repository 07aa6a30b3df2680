"""Chooses where a platform's artifacts are made: here, in a container, on GitHub's machines."""

import platform as python_platform
from typing import Literal

from frostline.core.errors import HostError
from frostline.core.platforms import Platform, host

Place = Literal["host", "container", "remote"]
Where = Literal["auto", "host", "container", "remote"]


def choose(platform: Platform, where: Where, *, promised: bool, libc: str | None = None) -> Place:
    """Return the place that is asked for by *where*, or the nearest that can do it.

    *promised*: what is made must run on the oldest system that *platform* names, so that a machine
    with a newer C library than that (this one has *libc*) is not good enough. Raises HostError.
    """
    if where == "container" and not platform.oci:
        message = f"{platform.name} has no containers."
        hint = f"build it on a {platform.name} machine, or with --where remote"
        raise HostError(message, hint=hint)
    if where != "auto":
        return where
    if platform == host():
        version = python_platform.libc_ver()[1] if libc is None else libc
        newer = bool(version) and _numbers(version) > _numbers(platform.minimum.split()[-1])
        return "container" if platform.oci and promised and newer else "host"
    return "container" if platform.oci else "remote"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
