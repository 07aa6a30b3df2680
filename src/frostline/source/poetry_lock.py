"""Reads poetry.lock, in the formats 1.1, 2.0 and 2.1."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.specifiers import InvalidSpecifier
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from frostline.core.errors import LockError
from frostline.profile.mistakes import is_table, strings, tables
from frostline.source import addresses, conditions, pins, poetry_needs, poetry_versions
from frostline.source.conditions import Condition
from frostline.source.pins import Content, Direct, Kind, Pin
from frostline.source.poetry_needs import Need

Table = Mapping[str, object]
# A package by its place in the lock, and one of its extras ("" for none).
_Node = tuple[int, str]

_KINDS: dict[object, Kind] = {
    "directory": "folder", "file": "file", "git": "git", "url": "address",
}  # fmt: skip


def read(lock: Table, project: Table, file: Path) -> Content:
    """Return the content of the poetry.lock *lock* for the main dependencies of *project*.

    *project* is the pyproject.toml; *file* is the lock's. Raises LockError.
    """
    try:
        packages = _Packages(tables(lock.get("package")))
        if any("groups" in package for package in packages.tables):
            needed = dict(_of_groups(packages.tables))
        else:
            needed = packages.needed(poetry_needs.of_project(project))
    except (InvalidSpecifier, InvalidVersion, KeyError, TypeError) as error:
        message = f"{file.name} cannot be read: {error}."
        raise LockError(message, hint="lock again with the newest Poetry") from error
    metadata = lock.get("metadata")
    files = metadata.get("files") if is_table(metadata) else None
    found = [(packages.tables[place], condition) for place, condition in needed.items()]
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


class _Packages:
    """The packages of a lock without groups, and the ways between them."""

    def __init__(self, packages: tuple[dict[str, object], ...]) -> None:
        self.tables = packages
        self._places: dict[str, list[int]] = {}
        for place, package in enumerate(packages):
            self._places.setdefault(canonicalize_name(str(package["name"])), []).append(place)

    def needed(self, roots: Iterator[Need]) -> dict[int, Condition]:
        """Return the packages that *roots* lead to, by their place in the lock."""
        ways = (way for root in roots for way in self._steps(root, conditions.parse(root.marker)))
        found: dict[int, Condition] = {}
        for (place, _), condition in conditions.walk(ways, self._of).items():
            found[place] = conditions.either(found.get(place, conditions.NEVER), condition)
        return found

    def _of(self, node: _Node) -> Iterator[tuple[_Node, Condition]]:
        place, extra = node
        package = self.tables[place]
        extras = package.get("extras")
        listed = strings(extras.get(extra)) if is_table(extras) else ()
        names = {canonicalize_name(item.partition(" ")[0].partition("[")[0]) for item in listed}
        for need in poetry_needs.needs(package.get("dependencies")):
            if need.optional and "extra" not in need.marker and need.name not in names:
                continue
            yield from self._steps(need, conditions.parse(need.marker, [extra]))

    def _steps(self, need: Need, marker: Condition) -> Iterator[tuple[_Node, Condition]]:
        """Yield the packages that *need* may mean.

        Of several versions that it allows, the highest that Python can have is meant.
        """
        places = [
            place
            for place in self._places.get(need.name, ())
            if poetry_versions.allows(need.versions, str(self._version(place)))
        ]
        places.sort(key=self._version, reverse=True)
        step = conditions.both(need.condition, marker)
        for place in places:
            fits = conditions.ALWAYS
            if len(places) > 1:
                fits = poetry_needs.python_condition(
                    str(self.tables[place].get("python-versions", "*"))
                )
            for extra in ("", *need.extras):
                yield (place, extra), conditions.both(step, fits)
            step = conditions.both(step, conditions.opposite(fits))

    def _version(self, place: int) -> Version:
        return Version(str(self.tables[place]["version"]))


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
    hashes = pin.hashes if kind in {"file", "address"} else ()
    return Direct(canonicalize_name(pin.name), kind, place, hashes, conditions.text(pin.condition))


def _pin(package: Table, condition: Condition, files: object) -> Pin:
    """Return the pin of *package*; in the format 1.1, *files* has the hashes by name."""
    name = str(package["name"])
    listed = package.get("files") or (files.get(name) if is_table(files) else ())
    hashes = tuple(str(item.get("hash")) for item in tables(listed))
    return Pin(name, str(package["version"]), hashes, condition)
