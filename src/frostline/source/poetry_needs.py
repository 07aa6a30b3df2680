"""What a project needs, as Poetry writes it in pyproject.toml and poetry.lock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from frostline.core.errors import LockError
from frostline.profile.mistakes import is_table, strings
from frostline.source import conditions, poetry_versions
from frostline.source.conditions import Condition

Table = Mapping[str, object]


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


def of_project(project: Table) -> Iterator[Need]:
    """Yield the main dependencies of the pyproject.toml *project*, without its extras'."""
    standard = project.get("project")
    for line in strings(standard.get("dependencies")) if is_table(standard) else ():
        one = Requirement(line)
        name, versions = canonicalize_name(one.name), str(one.specifier) or "*"
        yield Need(name, versions, tuple(sorted(one.extras)), str(one.marker or ""))
    tool = project.get("tool")
    poetry = tool.get("poetry") if is_table(tool) else None
    own = poetry.get("dependencies") if is_table(poetry) else None
    for need in needs(own):
        if need.name != "python" and not need.optional:
            yield need


def needs(written: object) -> Iterator[Need]:
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


def lines(project: Table, folder: Path) -> tuple[str, ...]:
    """Return the main dependencies of the pyproject.toml *project* as requirements.

    Paths are relative to *folder*. Raises LockError for versions that nobody else can write.
    """
    return tuple(_line(need, folder) for need in of_project(project))


def python(project: Table) -> str:
    """Return the Pythons that *project* allows as one specifier, "" if it takes several."""
    tool = project.get("tool")
    poetry = tool.get("poetry") if is_table(tool) else None
    own = poetry.get("dependencies") if is_table(poetry) else None
    standard = project.get("project")
    if is_table(standard) and "requires-python" in standard:
        return str(standard["requires-python"])
    found = poetry_versions.specifiers(str(own.get("python", "*")) if is_table(own) else "*")
    return str(found[0]) if len(found) == 1 else ""


def _line(need: Need, folder: Path) -> str:
    name = need.name + (f"[{','.join(need.extras)}]" if need.extras else "")
    marker = conditions.text(conditions.both(need.condition, conditions.parse(need.marker)))
    end = f" ; {marker}" if marker else ""
    if "git" in need.place:
        names = ("rev", "tag", "branch")
        at = next((f"@{need.place[key]}" for key in names if key in need.place), "")
        return f"{name} @ git+{need.place['git']}{at}{end}"
    if "path" in need.place:
        return f"{name} @ {(folder / str(need.place['path'])).resolve().as_uri()}{end}"
    if "url" in need.place:
        return f"{name} @ {need.place['url']}{end}"
    try:
        (versions,) = poetry_versions.specifiers(need.versions)
    except (InvalidSpecifier, InvalidVersion, ValueError):
        message = f"pyproject.toml: {need.name}: {need.versions} cannot be resolved without Poetry."
        raise LockError(message, hint="run `poetry lock`, or write one range") from None
    return f"{name}{versions}{end}"
