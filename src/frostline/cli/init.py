"""What `frostline init` writes into a project: what was inferred, a lock, and files for CI."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.items import Table

from frostline.core import own_files, text_file, workspace
from frostline.core.workspace import Workspace
from frostline.profile.build import Inferred

# The place of each file in a project, by the flag that asks for it.
FILES: Mapping[str, str] = {
    "github": ".github/workflows/freeze.yml", "nox": "noxfile.py", "invoke": "tasks.py",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A file that is made or added to: its text *before* ("" for a new file) and *after*."""

    file: Path
    before: str
    after: str

    def diff(self, root: Path) -> str:
        """Return the change as a unified diff, with paths relative to *root*."""
        name = self.file.relative_to(root).as_posix()
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True),
            f"a/{name}" if self.before else "/dev/null", f"b/{name}",
        )  # fmt: skip
        return "".join(lines)


@dataclass(frozen=True)
class Plan:
    """The *changes* of `init`, and *notes* on what it leaves alone and why."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def profile(project: Workspace, values: Sequence[Inferred]) -> Change:
    """Return the change that writes *values* down: in pyproject.toml, else in frostline.toml."""
    file = project.root / "pyproject.toml"
    if file.is_file():
        before = text_file.read(file)
        document = tomlkit.parse(before)
        holder = document.setdefault("tool", tomlkit.table(is_super_table=True))
        holder["frostline"] = _filled(tomlkit.table(), values)
        return Change(file, before, tomlkit.dumps(document))
    document = tomlkit.document()
    _filled(document, values)
    return Change(project.root / "frostline.toml", "", tomlkit.dumps(document))


def _filled(table: Table | TOMLDocument, values: Sequence[Inferred]) -> Table | TOMLDocument:
    """Fill *table* with *values*, each after its reason; tables come last, as TOML wants it."""
    for value in sorted(values, key=lambda item: _is_table(item.value)):
        *outer, name = value.key.split(".")
        holder = table
        for part in outer:
            holder = holder.setdefault(part, tomlkit.table(is_super_table=True))
        item = tomlkit.item(value.value)
        if not _is_table(value.value):
            item.comment(value.reason)
        holder.add(name, item)
    return table


def _is_table(value: object) -> bool:
    """Return whether TOML writes *value* as a table or an array of tables."""
    tables = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return tables or isinstance(value, dict)


def files(project: Workspace, wanted: Sequence[str], facts: Mapping[str, str]) -> Plan:
    """Return the changes that make the files *wanted*, of FILES; one that exists is left alone.

    *facts* replace the names in braces.
    """
    changes, notes = [], []
    for name in wanted:
        file = project.root / FILES[name]
        text = own_files.data("resources", "init", file.name).read_text(encoding="utf-8")
        for fact, value in facts.items():
            text = text.replace(f"{{{fact}}}", value)
        if not file.exists():
            changes.append(Change(file, "", text))
        elif text_file.read(file) != text:
            notes.append(f"{FILES[name]} exists and is not changed; `--dry-run` shows {name}'s")
    return Plan(tuple(changes), tuple(notes))


def facts(branch: str, lock: str) -> dict[str, str]:
    """Return what the files for CI name: versions, the *branch* to build, the *lock*."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"frostline": version("frostline"), "python": python, "branch": branch, "lock": lock}


def write(changes: Sequence[Change]) -> Iterator[Path]:
    """Write *changes* and yield each file. Raises OSError."""
    for change in changes:
        workspace.write(change.file, change.after)
        yield change.file
