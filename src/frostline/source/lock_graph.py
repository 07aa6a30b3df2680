"""Reads poetry.lock, in the formats 1.1, 2.0 and 2.1."""

from collections.abc import Iterable, Iterator, Mapping
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

_ROUNDS = 20
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
    """The packages of a lock without groups, and the ways between them.

    Where a need allows several versions of a package, those count that other needs force.
    """

    def __init__(self, packages: tuple[dict[str, object], ...]) -> None:
        self.tables = packages
        self._places: dict[str, list[int]] = {}
        for place, package in enumerate(packages):
            self._places.setdefault(canonicalize_name(str(package["name"])), []).append(place)
        self._forced: dict[int, Condition] = {}

    def needed(self, roots: Iterable[Need]) -> dict[int, Condition]:
        """Return the packages that *roots* lead to, by their place in the lock."""
        firsts = [(root, conditions.parse(root.marker)) for root in roots]
        found: dict[_Node, Condition] = {}
        for _ in range(_ROUNDS):  # what is forced changes the ways, and they change what is forced
            ways = [way for root, marker in firsts for way in self._steps(root, marker)]
            found = conditions.walk(ways, self._of)
            before, self._forced = self._forced, self._forced_by(firsts, found)
            if before == self._forced:
                break
        return _joined((place, condition) for (place, _), condition in found.items())

    def _forced_by(
        self, firsts: Iterable[tuple[Need, Condition]], found: Mapping[_Node, Condition]
    ) -> dict[int, Condition]:
        """Return when a need that allows nothing else leads to a version, by its place."""
        needs = [(need, marker, conditions.ALWAYS) for need, marker in firsts]
        needs += [
            (need, marker, way) for node, way in found.items() for need, marker in self._needs(node)
        ]
        return _joined(
            (places[0], conditions.both(way, conditions.both(need.condition, marker)))
            for need, marker, way in needs
            if len(places := self._allowed(need)) == 1
        )

    def _of(self, node: _Node) -> Iterator[tuple[_Node, Condition]]:
        for need, marker in self._needs(node):
            yield from self._steps(need, marker)

    def _needs(self, node: _Node) -> Iterator[tuple[Need, Condition]]:
        """Yield what a package needs, with one of its extras or without."""
        place, extra = node
        package = self.tables[place]
        extras = package.get("extras")
        listed = strings(extras.get(extra)) if is_table(extras) else ()
        names = {canonicalize_name(item.partition(" ")[0].partition("[")[0]) for item in listed}
        for need in poetry_needs.needs(package.get("dependencies")):
            if not need.optional or "extra" in need.marker or need.name in names:
                yield need, conditions.parse(need.marker, [extra])

    def _steps(self, need: Need, marker: Condition) -> Iterator[tuple[_Node, Condition]]:
        """Yield the packages that *need* means; the highest version where nothing is forced."""
        places = self._allowed(need)
        step = conditions.both(need.condition, marker)
        for place, fits in self._choices(places):
            for extra in ("", *need.extras):
                yield (place, extra), conditions.both(step, fits)

    def _choices(self, places: list[int]) -> Iterator[tuple[int, Condition]]:
        """Yield when each of *places* is meant by a need that allows them all."""
        if len(places) == 1:
            yield places[0], conditions.ALWAYS
            return
        forced = {place: self._forced.get(place, conditions.NEVER) for place in places}
        rest = conditions.ALWAYS
        for place, condition in forced.items():
            yield place, condition
            rest = conditions.both(rest, conditions.opposite(condition))
        for place in places:
            python = str(self.tables[place].get("python-versions", "*"))
            fits = poetry_needs.python_condition(python)
            yield place, conditions.both(rest, fits)
            rest = conditions.both(rest, conditions.opposite(fits))

    def _allowed(self, need: Need) -> list[int]:
        """Return the versions that *need* allows by their places, the highest first."""
        places = [
            place
            for place in self._places.get(need.name, ())
            if poetry_versions.allows(need.versions, str(self._version(place)))
        ]
        return sorted(places, key=self._version, reverse=True)

    def _version(self, place: int) -> Version:
        return Version(str(self.tables[place]["version"]))


def _joined(ways: Iterable[tuple[int, Condition]]) -> dict[int, Condition]:
    """Return each place of *ways* with the condition that one of its ways holds."""
    found: dict[int, Condition] = {}
    for place, condition in ways:
        found[place] = conditions.either(found.get(place, conditions.NEVER), condition)
    return found


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
