"""Reads poetry.lock, in the formats 1.1, 2.0 and 2.1."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from frostline.core.errors import LockError
from frostline.profile.mistakes import is_table, strings, tables
from frostline.source import addresses, conditions, pins, poetry_versions
from frostline.source.conditions import Condition
from frostline.source.pins import Content, Direct, Kind, Pin

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
            needed = packages.needed(needs_of_project(project))
    except (InvalidSpecifier, InvalidVersion, KeyError, TypeError) as error:
        message = f"{file.name} cannot be read: {error}."
        raise LockError(message, hint="lock again with the newest Poetry") from error
    metadata = lock.get("metadata")
    files = metadata.get("files") if is_table(metadata) else None
    found = [(packages.tables[place], condition) for place, condition in needed.items()]
    direct = [(package, _direct(package, file.parent)) for package, _ in found]
    urls = (_source(package).get("url") for package, place in direct if not place)
    return Content(
        tuple(_pin(p, c, files) for p, c in found if not _direct(p, file.parent)),
        tuple(dict.fromkeys(place for _, place in direct if place)),
        pins.private(str(url or "") for url in urls),
    )


@dataclass(frozen=True)
class Need:
    """A dependency as Poetry writes it: the versions that it allows, and when it is needed."""

    name: str
    versions: str = "*"
    extras: tuple[str, ...] = ()
    marker: str = ""
    condition: Condition = conditions.ALWAYS
    optional: bool = False
    place: Table = field(default_factory=dict)


def needs_of_project(project: Table) -> Iterator[Need]:
    """Yield the main dependencies of the pyproject.toml *project*, without its extras'."""
    standard = project.get("project")
    for line in strings(standard.get("dependencies")) if is_table(standard) else ():
        one = Requirement(line)
        name, versions = canonicalize_name(one.name), str(one.specifier) or "*"
        yield Need(name, versions, tuple(sorted(one.extras)), str(one.marker or ""))
    tool = project.get("tool")
    poetry = tool.get("poetry") if is_table(tool) else None
    own = poetry.get("dependencies") if is_table(poetry) else None
    for need in _needs(own):
        if need.name != "python" and not need.optional:
            yield need


def _needs(written: object) -> Iterator[Need]:
    """Yield what a table of dependencies says; a value may be text, a table or a list of both."""
    for name, value in written.items() if is_table(written) else ():
        for one in value if isinstance(value, list) else [value]:
            table = one if is_table(one) else {"version": str(one)}
            yield Need(
                canonicalize_name(name), str(table.get("version", "*")),
                strings(table.get("extras")), str(table.get("markers", "")),
                conditions.both(
                    python_condition(str(table.get("python", "*"))),
                    conditions.parse(_platform(table)),
                ),
                bool(table.get("optional")), table,
            )  # fmt: skip


def _platform(table: Table) -> str:
    return f'sys_platform == "{table["platform"]}"' if "platform" in table else ""


def python_condition(versions: str) -> Condition:
    """Return when a Python has one of *versions*, which Poetry wrote."""
    return conditions.shortest(
        frozenset(f'python_full_version {one.operator} "{one.version}"' for one in alternative)
        for alternative in poetry_versions.specifiers(versions)
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
        for need in _needs(package.get("dependencies")):
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
                fits = python_condition(str(self.tables[place].get("python-versions", "*")))
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


def _direct(package: Table, folder: Path) -> Direct | None:
    source = _source(package)
    kind = _KINDS.get(source.get("type"))
    if not kind:
        return None
    place = addresses.public(str(source["url"]))
    if kind in {"folder", "file"}:
        place = str((folder / place).resolve())
    elif kind == "git":
        place += f"@{source.get('resolved_reference', source.get('reference'))}"
    return Direct(canonicalize_name(str(package["name"])), kind, place)


def _pin(package: Table, condition: Condition, files: object) -> Pin:
    """Return the pin of *package*; in the format 1.1, *files* has the hashes by name."""
    name = str(package["name"])
    listed = package.get("files") or (files.get(name) if is_table(files) else ())
    hashes = tuple(str(item.get("hash")) for item in tables(listed))
    return Pin(name, str(package["version"]), hashes, condition)
