"""What a bundle holds: `bundle.json`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from frostline.core import digest
from frostline.core.errors import UsageError
from frostline.profile.build import Build
from frostline.source.distributions import Part

SCHEMA = 5


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A finished bundle: *files* are sha256, size and mode by relative path.

    *missing*: modules that something imports and that were not found; *python* is its version
    (`3.11`). *collected*: how much of each distribution; *libraries*: where each is from;
    *owners*: so for everything, modules too; *pruned*: number and bytes of what was left out;
    *parts*: what is compiled into distributions, by what their wheels say.
    """

    product: str
    version: str
    platform: str
    layout: str
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
    schema: int = SCHEMA


def load(build: Build) -> Bundle | None:
    """Return the bundle that was built for *target* if it lies there unchanged, else None."""
    bundle = _parse(build.report("bundle"))
    folder = build.bundle
    if not bundle or not folder.is_dir() or describe_files(folder) != bundle.files:
        return None
    return bundle


def read(path: Path) -> Bundle:
    """Return what the file *path*, a `bundle.json`, describes. Raises UsageError."""
    found = _parse(path)
    if not found:
        message = f"{path} is no description of a bundle that this version can read."
        raise UsageError(message, hint="name a bundle.json that a build has written")
    return found


def _parse(path: Path) -> Bundle | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA:
        return None
    raw["files"] = {name: tuple(facts) for name, facts in raw["files"].items()}
    raw["missing"], raw["pruned"] = tuple(raw["missing"]), tuple(raw["pruned"])
    raw["parts"] = {name: tuple(map(tuple, told)) for name, told in raw["parts"].items()}
    raw["collected"] = {name: tuple(facts) for name, facts in raw["collected"].items()}
    return Bundle(**raw)


def describe_files(folder: Path) -> dict[str, tuple[str, int, str]]:
    """Return sha256, size and mode of each file in *folder*; of a link where it leads."""
    described = {}
    for path in digest.files(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            described[name] = (f"-> {path.readlink().as_posix()}", 0, "link")
        else:
            mode = "755" if os.access(path, os.X_OK) else "644"
            described[name] = (digest.of_file(path), path.stat().st_size, mode)
    return described
