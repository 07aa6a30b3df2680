"""Reads pdm.lock, with groups and markers in it or without."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from frostline.core.errors import LockError
from frostline.profile.mistakes import is_table, strings, tables
from frostline.source import addresses, conditions, pins
from frostline.source.conditions import Condition
from frostline.source.direct import ARCHIVES
from frostline.source.pins import Content, Direct, Pin

Table = Mapping[str, object]


def read(lock: Table, project: Table, file: Path) -> Content:
    """Return the content of the pdm.lock *lock* for the main dependencies of *project*.

    *project* is the pyproject.toml; *file* is the lock's. Raises LockError.
    """
    packages = tables(lock.get("package"))
    metadata = lock.get("metadata")
    about = metadata if is_table(metadata) else {}
    try:
        if "inherit_metadata" in strings(about.get("strategy")):
            needed = dict(_of_groups(packages))
        else:
            standard = project.get("project")
            roots = strings(standard.get("dependencies")) if is_table(standard) else ()
            needed = _walked(packages, roots)
        found = [(packages[place], condition) for place, condition in needed.items()]
        pinned = [
            (
                package,
                Pin(
                    str(package["name"]),
                    str(package["version"]),
                    _hashes(package, about.get("files")),
                    condition,
                ),
            )
            for package, condition in found
        ]
    except (InvalidRequirement, KeyError) as error:
        message = f"{file.name} cannot be read: {error}."
        raise LockError(message, hint="lock again with the newest PDM") from error
    direct = [(pin, _direct(package, pin, file.parent)) for package, pin in pinned]
    return Content(
        tuple(pin for pin, place in direct if not place),
        tuple(dict.fromkeys(place for _, place in direct if place)),
        pins.private(_indexes(project)),
    )


def _indexes(project: Table) -> Iterator[str]:
    tool = project.get("tool")
    pdm = tool.get("pdm") if is_table(tool) else None
    for source in tables(pdm.get("source")) if is_table(pdm) else ():
        yield str(source.get("url", ""))


def _of_groups(packages: tuple[dict[str, object], ...]) -> Iterator[tuple[int, Condition]]:
    for place, package in enumerate(packages):
        if "default" in strings(package.get("groups")):
            yield place, conditions.parse(str(package.get("marker", "")))


def _walked(
    packages: tuple[dict[str, object], ...], roots: tuple[str, ...]
) -> dict[int, Condition]:
    """Return when each package is needed, by its place in the lock.

    A package with extras is one more entry, of the same version, with its extras' dependencies.
    """
    places: dict[str, list[int]] = {}
    for place, package in enumerate(packages):
        places.setdefault(canonicalize_name(str(package["name"])), []).append(place)

    def steps(line: str) -> Iterator[tuple[int, Condition]]:
        requirement = Requirement(line)
        for place in places.get(canonicalize_name(requirement.name), ()):
            extras = {*strings(packages[place].get("extras"))}
            if extras <= requirement.extras and _allows(requirement, packages[place]):
                yield place, conditions.parse(str(requirement.marker or ""))

    def needs(place: int) -> Iterator[tuple[int, Condition]]:
        for line in strings(packages[place].get("dependencies")):
            yield from steps(line)

    return conditions.walk([way for line in roots for way in steps(line)], needs)


def _allows(requirement: Requirement, package: Table) -> bool:
    return requirement.specifier.contains(str(package.get("version", "0")), prereleases=True)


def _direct(package: Table, pin: Pin, folder: Path) -> Direct | None:
    name, marker = canonicalize_name(pin.name), conditions.text(pin.condition)
    if "git" in package:
        commit = package.get("revision", package.get("ref", ""))
        return Direct(name, "git", f"{addresses.public(str(package['git']))}@{commit}", (), marker)
    if "path" in package:
        path = (folder / str(package["path"])).resolve()
        if path.name.endswith(ARCHIVES):
            return Direct(name, "file", str(path), pin.hashes, marker)
        return Direct(name, "folder", str(path), (), marker)
    if "url" in package:
        address = addresses.public(str(package["url"]))
        return Direct(name, "address", address, pin.hashes, marker)
    return None


def _hashes(package: Table, files: object) -> tuple[str, ...]:
    """Return the hashes of *package*; in old locks, *files* has them by name and version."""
    name = f"{package['name']} {package['version']}"
    listed = package.get("files") or (files.get(name) if is_table(files) else ())
    return tuple(str(item["hash"]) for item in tables(listed))
