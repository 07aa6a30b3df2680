"""Reads and checks `bundle.json`, the description of a finished bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core import archive, digest, json_file, workspace
from frostline.core.errors import NotBuiltError, SmokeError, UsageError
from frostline.core.platforms import host
from frostline.core.workspace import Layout
from frostline.profile.build import Build
from frostline.source.distributions import Part


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A finished bundle; *files* are the SHA-256, size and mode of each file by relative path.

    *missing*: imported modules that PyInstaller did not find. *python*: the interpreter's version,
    such as `3.11`. *collected*: the version and number of files of each distribution. *libraries*
    and *owners*: the distribution that owns each library, and each file or module. *pruned*: the
    number and bytes of the files left out. *parts*: the components compiled into each
    distribution, from its wheel's SBOMs.
    """

    product: str
    version: str
    platform: str
    layout: Layout
    inputs: str
    path: str
    executable: str
    size: int
    distributions: Mapping[str, str]
    files: Mapping[str, tuple[str, int, str]]
    missing: tuple[str, ...]
    python: str
    collected: Mapping[str, tuple[str, int]]
    libraries: Mapping[str, str]
    owners: Mapping[str, str]
    pruned: tuple[int, int]
    parts: Mapping[str, tuple[Part, ...]]
    schema: Literal[5] = 5


def find_bundle(build: Build) -> Bundle | None:
    """Return the bundle of *build*, or None if it is not built or was changed."""
    try:
        bundle = json_file.read(build.report("bundle"), Bundle)
    except (OSError, ValueError):
        return None
    folder = build.bundle
    return bundle if folder.is_dir() and describe_files(folder) == bundle.files else None


def require_bundle(build: Build) -> Bundle:
    """Return the bundle of *build*.

    Raises NotBuiltError if there is none, SmokeError if it was changed after it was built.
    """
    bundle = find_bundle(build)
    if bundle:
        return bundle
    flags = f"--product {build.product}"
    flags += "" if build.platform == host() else f" --platform {build.platform.name}"
    flags += "" if build.layout == build.profile.layout else f" --layout {build.layout}"
    hint = f"run `frostline build {flags}`"
    if build.bundle.exists() and build.report("bundle").exists():
        message = f"{build.name} was changed after it was built."
        raise SmokeError(message, hint=hint)
    message = f"{build.name} is not built yet."
    raise NotBuiltError(message, hint=hint)


def read_bundle(path: Path) -> Bundle:
    """Return the bundle that the file *path* describes. Raises UsageError."""
    try:
        return json_file.read(path, Bundle)
    except (OSError, ValueError):
        message = f"{path} is not a bundle.json that this version of frostline can read."
        raise UsageError(message, hint="name a bundle.json that a build wrote") from None


def forget_reports(build: Build) -> None:
    """Remove the reports about the bundle of *build*, as another one takes its place."""
    for kind in ("audit", "smoke", "parity"):
        workspace.remove(build.report(kind))


def describe_files(folder: Path) -> dict[str, tuple[str, int, str]]:
    """Return the SHA-256, size and mode of each file in *folder*, for a link its target."""
    described = {}
    for path in digest.files(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            described[name] = (f"-> {path.readlink().as_posix()}", 0, "link")
        else:
            mode = f"{archive.mode_of(path):o}"
            described[name] = (digest.of_file(path), path.stat().st_size, mode)
    return described
