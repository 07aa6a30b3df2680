"""Reads pdm.lock, with groups and markers in it or without."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from frostline.core.errors import LockError
from frostline.profile.mistakes import is_table, strings, tables
from frostline.source import addresses, conditions, lock_graph, pins, poetry_needs
from frostline.source.conditions import Condition
from frostline.source.direct import ARCHIVES, in_subdirectory
from frostline.source.lock_graph import Package, Wanted
from frostline.source.pins import Content, Direct, Pin

Table = Mapping[str, object]


def read(lock: Table, project: Table, file: Path) -> Content:
    """Return the content of the pdm.lock *lock* for the main dependencies of *project*.

    *project* is the pyproject.toml; *file* is the lock's. Raises LockError.
    """
    packages = tables(lock.get("package"))
    if any(is_table(package.get("dependencies")) for package in packages):
        message = f"{file.name} is of a format before PDM 1.6, which frostline does not read."
        raise LockError(message, hint="lock again with the newest PDM")
    metadata = lock.get("metadata")
    about = metadata if is_table(metadata) else {}
    try:
        if "inherit_metadata" in strings(about.get("strategy")):
            needed = dict(_of_groups(packages))
        else:
            standard = project.get("project")
            roots = strings(standard.get("dependencies")) if is_table(standard) else ()
            needed = _walked(packages, roots)
        found = [(packages[place], condition) for place, condition in needed.items() if condition]
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
    except (InvalidRequirement, InvalidVersion, KeyError) as error:
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
    entries: dict[tuple[str, str], list[int]] = {}
    for place, package in enumerate(packages):
        name = canonicalize_name(str(package["name"]))
        entries.setdefault((name, str(package["version"])), []).append(place)
    graph = [_package(name, [packages[p] for p in places]) for name, places in entries.items()]
    found = lock_graph.walk(map(_wanted, roots), graph)
    return {[*entries.values()][place][0]: condition for place, condition in found.items()}


def _package(name: tuple[str, str], entries: list[dict[str, object]]) -> Package:
    needs: dict[str, tuple[Wanted, ...]] = {}
    for entry in entries:
        wanted = tuple(map(_wanted, strings(entry.get("dependencies"))))
        for extra in strings(entry.get("extras")) or ("",):
            key = canonicalize_name(extra)
            needs[key] = needs.get(key, ()) + wanted
    python = str(entries[0].get("requires_python", "")) or "*"
    return Package(*name, poetry_needs.python_condition(python), needs)


def _wanted(line: str) -> Wanted:
    requirement = Requirement(line)
    return Wanted(
        canonicalize_name(requirement.name),
        partial(requirement.specifier.contains, prereleases=True),
        tuple(canonicalize_name(extra) for extra in requirement.extras),
        conditions.parse(str(requirement.marker or "")),
    )


def _direct(package: Table, pin: Pin, folder: Path) -> Direct | None:
    name, marker = canonicalize_name(pin.name), conditions.text(pin.condition)
    if "git" in package:
        commit = package.get("revision", package.get("ref", ""))
        place = f"{addresses.public(str(package['git']))}@{commit}"
        place = in_subdirectory(place, package.get("subdirectory"))
        return Direct(name, "git", place, (), marker)
    if "path" in package:
        path = (folder / str(package["path"])).resolve()
        if path.name.endswith(ARCHIVES):
            return Direct(name, "file", str(path), pin.hashes, marker)
        return Direct(name, "folder", str(path), (), marker)
    if "url" in package:
        address = addresses.public(str(package["url"]))
        address = in_subdirectory(address, package.get("subdirectory"))
        return Direct(name, "address", address, pin.hashes, marker)
    return None


def _hashes(package: Table, files: object) -> tuple[str, ...]:
    """Return the hashes of *package*; in old locks, *files* has them by name and version."""
    name = f"{package['name']} {package['version']}"
    listed = package.get("files") or (files.get(name) if is_table(files) else ())
    return tuple(str(item["hash"]) for item in tables(listed))
