"""Reads and writes the release folder: its list `release.json` and its `SHA256SUMS`."""

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
    """An archive of a release; *size* in bytes. *proven*: its audit and smoke test passed."""

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
    """The content of `release.json`."""

    artifacts: tuple[Artifact, ...]
    schema: Literal[1] = 1


def choose(folder: Path, platform: Platform, product: str = "") -> Path:
    """Return the archive of *product* (default: of any product) for *platform* in *folder*.

    Raises UsageError unless `release.json` in *folder* names exactly one.
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
        raise UsageError(message, hint=f"choose one of: {names}")
    return folder / found[0]


def find(file: Path) -> Artifact:
    """Return the entry for *file* in the `release.json` beside it, and check the digest.

    Raises UsageError if there is no entry, FetchError if the digest differs.
    """
    made = next((item for item in artifacts(file.parent) if item.file == file.name), None)
    if not made:
        message = f"there is no {RELEASE} beside {file} that names it."
        hint = "keep the files that `frostline package` writes in one folder"
        raise UsageError(message, hint=hint)
    if not file.is_file() or digest.of_file(file) != made.sha256:
        message = f"{file} does not match its digest in {RELEASE}."
        raise FetchError(message, hint="fetch it again")
    return made


def artifacts(folder: Path) -> tuple[Artifact, ...]:
    """Return the artifacts that `release.json` in *folder* lists; none if it cannot be read."""
    try:
        return json_file.read(folder / RELEASE, _Release).artifacts
    except (OSError, ValueError):
        return ()


def gather(project: Workspace, folder: Path) -> tuple[Artifact, ...]:
    """Copy all artifacts below *folder* into the release folder and return them.

    Raises UsageError if there are none or two have the same name, FetchError for a wrong digest.
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
        message = (
            f"{folder} has {', '.join(twice)} twice." if twice else f"{folder} has no artifacts."
        )
        raise UsageError(message, hint=f"name a folder that has a {RELEASE} for each artifact")
    workspace.remove(project.release)
    project.release.mkdir(parents=True)
    for path in files:
        shutil.copy(path, project.release / path.name)
    write_release(project, *made)
    return tuple(sorted(made))


def _check_sums(folder: Path) -> None:
    """Raise FetchError unless each file in *folder* matches its SHA256SUMS."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    listed = {name: sum_ for sum_, _, name in (line.partition("  ") for line in lines)}
    found = {path.name: digest.of_file(path) for path in folder.iterdir() if path.name != SUMS}
    wrong = sorted(name for name in found.keys() | listed if found.get(name) != listed.get(name))
    if wrong:
        message = f"{', '.join(wrong)} in {folder} does not match {SUMS}."
        raise FetchError(message, hint="fetch them again")


def write_release(project: Workspace, *made: Artifact) -> None:
    """Add *made* to `release.json` and write the SHA256SUMS of all files in the release folder."""
    file = project.release / RELEASE
    known = {item.file: item for item in artifacts(project.release)}
    kept = {name: item for name, item in known.items() if (project.release / name).is_file()}
    kept |= {item.file: item for item in made}
    json_file.write(file, _Release(tuple(kept[name] for name in sorted(kept))))
    files = sorted(path for path in project.release.iterdir() if path.name != SUMS)
    lines = (f"{digest.of_file(path)}  {path.name}\n" for path in files)
    workspace.write(project.release / SUMS, "".join(lines))
