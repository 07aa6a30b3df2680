"""The release folder: `release.json`, which lists its artifacts, and `SHA256SUMS`."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core import digest, json_file, workspace
from frostline.core.errors import FetchError, UsageError
from frostline.core.platforms import Platform
from frostline.core.workspace import Layout, Workspace

SUMS, RELEASE = "SHA256SUMS", "release.json"


@dataclass(frozen=True, order=True)
class Artifact:
    """A file of a release; *size* in bytes. *proven*: audited and smoke-tested as it is."""

    file: str
    product: str
    version: str
    platform: str
    layout: Layout
    kind: str
    size: int
    sha256: str
    inputs: str
    proven: bool


@dataclass(frozen=True)
class _Release:
    """What `release.json` holds."""

    artifacts: tuple[Artifact, ...]
    schema: Literal[1] = 1


def choose(folder: Path, platform: Platform, product: str = "") -> Path:
    """Return the archive of *product* (of the only one, if empty) for *platform* in *folder*.

    Raises UsageError unless `release.json` there names just one.
    """
    known = artifacts(folder)
    found = [
        item.file
        for item in known
        if item.platform == platform.name and product in {"", item.product}
    ]
    if len(found) != 1:
        message = f"{folder / RELEASE} names {len(found)} archives for {platform.name}."
        names = ", ".join(item.file for item in known) or "none"
        raise UsageError(message, hint=f"name the one: {names}")
    return folder / found[0]


def find(file: Path) -> Artifact:
    """Return what `release.json` beside *file* says of it, the sum checked.

    Raises UsageError if it says nothing, FetchError if *file* is not what it speaks of.
    """
    made = next((item for item in artifacts(file.parent) if item.file == file.name), None)
    if not made:
        message = f"{file} is not in a {RELEASE} beside it."
        hint = "keep what `frostline package` has written together"
        raise UsageError(message, hint=hint)
    if not file.is_file() or digest.of_file(file) != made.sha256:
        message = f"{file} is not the file that {RELEASE} speaks of."
        raise FetchError(message, hint="fetch it again")
    return made


def artifacts(folder: Path) -> tuple[Artifact, ...]:
    """Return what `release.json` in *folder* lists, nothing if there is none to read."""
    try:
        return json_file.read(folder / RELEASE, _Release).artifacts
    except (OSError, ValueError):
        return ()


def gather(paths: Workspace, folder: Path) -> tuple[Artifact, ...]:
    """Return all artifacts below *folder*, brought together in the release folder.

    Raises UsageError if there is none, or two of one name, FetchError for a wrong sum.
    """
    sources = sorted(path.parent for path in folder.rglob(RELEASE))
    made = [find(source / item.file) for source in sources for item in artifacts(source)]
    files = [
        path
        for source in sources
        for path in sorted(source.iterdir())
        if path.name not in {SUMS, RELEASE}
    ]
    for source in sources:
        _check_sums(source)
    names = [path.name for path in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not made:
        message = f"{folder} has {', '.join(twice)} twice." if twice else f"nothing in {folder}."
        raise UsageError(message, hint=f"name a folder with a {RELEASE} of each artifact")
    workspace.remove(paths.release)
    paths.release.mkdir(parents=True)
    for path in files:
        shutil.copy(path, paths.release / path.name)
    write_release(paths, *made)
    return tuple(sorted(made))


def _check_sums(folder: Path) -> None:
    """Raise FetchError unless each file in *folder* is as its list of sums says."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    listed = {name: told for told, _, name in (line.partition("  ") for line in lines)}
    found = {path.name: digest.of_file(path) for path in folder.iterdir() if path.name != SUMS}
    wrong = sorted(name for name in found.keys() | listed if found.get(name) != listed.get(name))
    if wrong:
        message = f"{', '.join(wrong)} in {folder}: not as {SUMS} says."
        raise FetchError(message, hint="fetch them again")


def write_release(paths: Workspace, *made: Artifact) -> None:
    """Write `release.json`, with *made* in it, and the sums of all files of the release folder."""
    file = paths.release / RELEASE
    known = {item.file: item for item in artifacts(paths.release)}
    kept = {name: item for name, item in known.items() if (paths.release / name).is_file()}
    kept |= {item.file: item for item in made}
    json_file.write(file, _Release(tuple(kept[name] for name in sorted(kept))))
    files = sorted(path for path in paths.release.iterdir() if path.name != SUMS)
    lines = (f"{digest.of_file(path)}  {path.name}\n" for path in files)
    workspace.write(paths.release / SUMS, "".join(lines))
