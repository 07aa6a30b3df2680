"""Reads poetry.lock, in the formats 1.1, 2.0 and 2.1."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from packaging.specifiers import InvalidSpecifier
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from frostline.core.errors import LockError
from frostline.profile.mistakes import is_table, strings, tables
from frostline.source import (
    addresses,
    conditions,
    lock_graph,
    pins,
    poetry_needs,
    poetry_versions,
)
from frostline.source.conditions import Condition
from frostline.source.direct import in_subdirectory
from frostline.source.lock_graph import Package, Wanted
from frostline.source.pins import Content, Direct, Kind, Pin
from frostline.source.poetry_needs import Need

Table = Mapping[str, object]

_KINDS: dict[object, Kind] = {
    "directory": "folder", "file": "file", "git": "git", "url": "address",
}  # fmt: skip


def read(lock: Table, project: Table, file: Path) -> Content:
    """Return the content of the poetry.lock *lock* for the main dependencies of *project*.

    *project* is the pyproject.toml; *file* is the lock's. Raises LockError.
    """
    try:
        packages = tables(lock.get("package"))
        if any("groups" in package for package in packages):
            needed = dict(_of_groups(packages))
        else:
            roots = [_wanted(need) for need in poetry_needs.of_project(project)]
            needed = lock_graph.walk(roots, [_package(package) for package in packages])
    except (InvalidSpecifier, InvalidVersion, KeyError, TypeError) as error:
        message = f"{file.name} cannot be read: {error}."
        raise LockError(message, hint="lock again with the newest Poetry") from error
    metadata = lock.get("metadata")
    files = metadata.get("files") if is_table(metadata) else None
    found = [(packages[place], condition) for place, condition in needed.items() if condition]
    direct = [
        (package, _direct(_pin(package, condition, files), package, file.parent))
        for package, condition in found
    ]
    urls = (_source(package).get("url") for package, place in direct if not place)
    return Content(
        tuple(_pin(p, c, files) for p, c in found if _source(p).get("type") not in _KINDS),
        tuple(dict.fromkeys(place for _, place in direct if place)),
        pins.private(str(url or "") for url in urls),
    )


def _package(package: Table) -> Package:
    extras = package.get("extras")
    listed = {name: strings(each) for name, each in extras.items()} if is_table(extras) else {}
    return Package(
        canonicalize_name(str(package["name"])),
        str(package["version"]),
        poetry_needs.python_condition(str(package.get("python-versions", "*"))),
        {
            canonicalize_name(extra): tuple(_of_extra(package, extra, items))
            for extra, items in {"": (), **listed}.items()
        },
    )


def _of_extra(package: Table, extra: str, listed: tuple[str, ...]) -> Iterator[Wanted]:
    """Yield what *package* needs for *extra* and not without it, or always for ""."""
    names = {canonicalize_name(item.partition(" ")[0].partition("[")[0]) for item in listed}
    for need in poetry_needs.needs(package.get("dependencies")):
        if need.optional:
            if extra and (need.name in names or "extra" in need.marker):
                yield _wanted(need, [extra])
        elif not extra:
            yield _wanted(need)


def _wanted(need: Need, extras: Collection[str] = ()) -> Wanted:
    condition = conditions.both(need.condition, conditions.parse(need.marker, extras))
    return Wanted(
        need.name, partial(poetry_versions.allows, need.versions),
        tuple(canonicalize_name(extra) for extra in need.extras), condition,
    )  # fmt: skip


def _of_groups(packages: tuple[dict[str, object], ...]) -> Iterator[tuple[int, Condition]]:
    for place, package in enumerate(packages):
        markers = package.get("markers", "")
        marker = markers.get("main", "") if is_table(markers) else markers
        if "main" in strings(package.get("groups")):
            yield place, conditions.parse(str(marker))


def _source(package: Table) -> dict[str, object]:
    source = package.get("source")
    return source if is_table(source) else {}


def _direct(pin: Pin, package: Table, folder: Path) -> Direct | None:
    source = _source(package)
    kind = _KINDS.get(source.get("type"))
    if not kind:
        return None
    place = addresses.public(str(source["url"]))
    if kind in {"folder", "file"}:
        place = str((folder / place).resolve())
    elif kind == "git":
        place += f"@{source.get('resolved_reference', source.get('reference'))}"
    place = in_subdirectory(place, source.get("subdirectory"))
    hashes = pin.hashes if kind in {"file", "address"} else ()
    return Direct(canonicalize_name(pin.name), kind, place, hashes, conditions.text(pin.condition))


def _pin(package: Table, condition: Condition, files: object) -> Pin:
    """Return the pin of *package*; in the format 1.1, *files* has the hashes by name."""
    name = str(package["name"])
    listed = package.get("files") or (files.get(name) if is_table(files) else ())
    hashes = tuple(str(item.get("hash")) for item in tables(listed))
    return Pin(name, str(package["version"]), hashes, condition)
