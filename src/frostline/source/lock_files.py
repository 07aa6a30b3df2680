"""Finds what locks a project, by precedence, from the files that are there."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline.core import text_file
from frostline.core.errors import FrostlineError, LockError
from frostline.profile import toml_file
from frostline.profile.mistakes import is_table, strings, tables
from frostline.source import requirements_file

Kind = Literal[
    "uv", "pylock", "poetry", "pdm", "requirements", "project", "poetry project", "setup"
]
OWN = "frostline.lock"


@dataclass(frozen=True)
class LockFile:
    """A file that locks a project, or only says what it needs.

    *folder* is that of the project, *file* may lie above it.
    """

    kind: Kind
    file: Path
    folder: Path

    @property
    def resolved(self) -> bool:
        """Return whether the file names versions and hashes; else they must be looked for.

        Folders, repositories and archives alone are no lock: what they need is not in it.
        """
        if self.kind == "requirements":
            found = requirements_file.read(self.file, self.folder)
            own = self.file.name.endswith(OWN)
            return not found.loose and bool(found.pins or own or not found.direct)
        return self.kind in {"uv", "pylock", "poetry", "pdm"}


def named(file: Path, folder: Path) -> LockFile:
    """Return what *file* is, which the profile names, by its name or content. Raises LockError."""
    name = file.name
    if name == "pyproject.toml":
        return LockFile(_of_project(toml(file)), file, folder)
    if name in {"setup.py", "setup.cfg"}:
        return LockFile("setup", file, folder)
    kinds: dict[str, Kind] = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm"}
    kind = kinds.get(name) or ("pylock" if _is_pylock(name) else _by_content(file))
    return LockFile(kind, file, folder)


def find(folder: Path, *, own: bool = True) -> LockFile | None:
    """Return what locks the project in *folder*, or says what it needs; None if nothing does.

    Without *own*, frostline's lock does not count. Raises LockError if several files are equally
    good.
    """
    found = (item for look in (_locks, _hashed, _needs) for item in look(folder))
    return next((item for item in found if own or item.file.name != OWN), None)


def toml(file: Path) -> dict[str, object]:
    """Return the content of the TOML *file*, or nothing if it is not there. Raises TomlError."""
    return dict(toml_file.read(file, file.parent).table) if file.is_file() else {}


def table(data: object, *keys: str) -> dict[str, object]:
    """Return the table at *keys* in *data*, or an empty one."""
    for key in keys:
        data = data.get(key) if is_table(data) else None
    return data if is_table(data) else {}


def _locks(folder: Path) -> Iterator[LockFile]:
    if (folder / OWN).is_file():
        yield LockFile("requirements", folder / OWN, folder)
    for above in (folder, *folder.resolve().parents):
        if (above / "uv.lock").is_file() and _is_member(above / "uv.lock", folder):
            yield LockFile("uv", above / "uv.lock", folder)
    yield from (LockFile("pylock", file, folder) for file in _pylocks(folder))
    for kind, name in _TOML_LOCKS:
        if (folder / name).is_file():
            yield LockFile(kind, folder / name, folder)


_TOML_LOCKS: tuple[tuple[Kind, str], ...] = (("poetry", "poetry.lock"), ("pdm", "pdm.lock"))


def _is_member(lock: Path, folder: Path) -> bool:
    """Return whether the uv.lock *lock* is of the project in *folder*, alone or in a workspace."""
    place = folder.resolve().relative_to(lock.parent.resolve()).as_posix()
    if place == ".":
        return True
    data = toml(lock)
    members = strings(table(data, "manifest").get("members"))
    return any(
        package.get("name") in members and place in table(package, "source").values()
        for package in tables(data.get("package"))
    )


def _pylocks(folder: Path) -> list[Path]:
    if (folder / "pylock.toml").is_file():
        return [folder / "pylock.toml"]
    return _only_one(sorted(folder.glob("pylock.*.toml")))


def _is_pylock(name: str) -> bool:
    return name == "pylock.toml" or (name.startswith("pylock.") and name.endswith(".toml"))


def _only_one(files: list[Path]) -> list[Path]:
    """Return *files*, of which there is at most one. Raises LockError."""
    if len(files) < 2:  # noqa: PLR2004  # two are not clear
        return files
    message = f"several files could be the lock: {', '.join(file.name for file in files)}."
    raise LockError(message, hint='name one in the profile: requirements = "…"')


def _hashed(folder: Path) -> Iterator[LockFile]:
    files = [folder / "requirements.txt", *sorted((folder / "requirements").glob("*.txt"))]
    found = [file for file in files if file.is_file() and _has_hashes(file, folder)]
    if found[:1] != [folder / "requirements.txt"]:
        usual = [file for file in found if file.stem in _USUAL]
        found = _only_one(usual or found)
    yield from (LockFile("requirements", file, folder) for file in found[:1])


# The names that people give to what is installed in production.
_USUAL = frozenset({"base", "main", "prod", "production", "requirements"})


def _has_hashes(file: Path, folder: Path) -> bool:
    try:
        found = requirements_file.read(file, folder)
    except FrostlineError:
        return False  # if it is the one that is used, it is read again
    return bool(found.pins) and not found.loose


def _needs(folder: Path) -> Iterator[LockFile]:
    for name in ("requirements.txt", "requirements.in"):
        if (folder / name).is_file():
            yield LockFile("requirements", folder / name, folder)
    variants = [f for f in sorted((folder / "requirements").glob("*.txt")) if f.stem in _USUAL]
    yield from (LockFile("requirements", file, folder) for file in _only_one(variants))
    file = folder / "pyproject.toml"
    if file.is_file() and (table(toml(file), "project") or table(toml(file), "tool", "poetry")):
        yield LockFile(_of_project(toml(file)), file, folder)
    for name in ("setup.py", "setup.cfg"):
        if (folder / name).is_file():
            yield LockFile("setup", folder / name, folder)


def _of_project(data: dict[str, object]) -> Kind:
    if "dependencies" in strings(table(data, "project").get("dynamic")):
        return "setup" if not table(data, "tool", "poetry", "dependencies") else "poetry project"
    return "project" if table(data, "project") else "poetry project"


def _by_content(file: Path) -> Kind:
    """Return what *file* is, whose name does not say it; requirements if it is not TOML."""
    try:
        data = tomllib.loads(text_file.read(file))
    except tomllib.TOMLDecodeError:
        return "requirements"
    about = table(data, "metadata")
    if "created-by" in data:
        return "pylock"
    if "lock-version" in about:
        return "poetry"
    if "lock_version" in about:
        return "pdm"
    if not data:
        return "requirements"  # an empty file, or comments only
    message = f"{file} is no lock that frostline reads under this name."
    raise LockError(
        message, hint="name a uv.lock, poetry.lock, pdm.lock, pylock.toml or requirements"
    )
