"""What `frostline init` writes into a project: what was inferred, a lock, and files for CI."""

import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.items import Table

from frostline.core import own_files, text_file, workspace
from frostline.core.command import Environ
from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.infer import opening
from frostline.profile import configuration
from frostline.profile.build import Build, Inferred
from frostline.source import locks, tree

# The place of each file in a project, by the flag that asks for it.
FILES: Mapping[str, str] = {
    "github": ".github/workflows/freeze.yml", "nox": "noxfile.py", "invoke": "tasks.py",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A file that is made or added to: its text *before* ("" for a new file) and *after*.

    *name* is its path in the project.
    """

    file: Path
    name: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """Return the change as a unified diff."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(),
            f"a/{self.name}" if self.before else "/dev/null", f"b/{self.name}", lineterm="",
        )  # fmt: skip
        return "\n".join(lines)


@dataclass(frozen=True)
class Plan:
    """The *changes* of `init`, and *notes* on what it leaves alone and why."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def plan(project: Workspace, wanted: Sequence[str], environ: Environ, *, dry_run: bool) -> Plan:
    """Return what `init` changes in *project*, with the files *wanted*, of FILES.

    A *dry_run* resolves no dependencies. Raises UsageError, TomlError, LockError, HostError.
    """
    changes: list[Change] = []
    notes: list[str] = []
    lock = ""
    for product in configuration.products(project):
        build = opening.open_build(project, product, host(), environ)
        if build.inferred and not configuration.is_written(project, product):
            changes.append(_profile(project, build.inferred))
        elif configuration.is_written(project, product):
            notes.append(f"{product} is described already; `frostline plan` shows what is inferred")
        found = locks.wanted(build)
        if found and not found.resolved and not locks.own_file(build, found).exists():
            change = _lock(build, dry_run=dry_run)
            changes += [change] if change else []
            lock = lock or locks.own_file(build, found).name
        elif found:
            lock = lock or found.file.relative_to(project.root).as_posix()
            notes.append(f"{product} is locked by {found.file.name}")
    facts = _facts(_branch(project, environ), lock or "pyproject.toml")
    for name in wanted:
        change, note = _file(project, name, facts)
        changes += [change] if change else []
        notes += [note] if note else []
    return Plan(tuple(changes), tuple(notes))


def _profile(project: Workspace, values: Sequence[Inferred]) -> Change:
    """Return the change that writes *values* down: in pyproject.toml, else in frostline.toml."""
    file = project.root / "pyproject.toml"
    if file.is_file():
        before = text_file.read(file)
        document = tomlkit.parse(before)
        holder = document.setdefault("tool", tomlkit.table(is_super_table=True))
        holder["frostline"] = _filled(tomlkit.table(), values)
        return Change(file, file.name, before, tomlkit.dumps(document))
    document = tomlkit.document()
    _filled(document, values)
    file = project.root / "frostline.toml"
    return Change(file, file.name, "", tomlkit.dumps(document))


def _filled(table: Table | TOMLDocument, values: Sequence[Inferred]) -> Table | TOMLDocument:
    """Fill *table* with *values*, each with its reason; tables come last, as TOML wants it."""
    for value in sorted(values, key=lambda item: "." in item.key or _is_table(item.value)):
        *outer, name = value.key.split(".")
        holder: Table | TOMLDocument = table
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


def _lock(build: Build, *, dry_run: bool) -> Change | None:
    """Return the change that locks the dependencies of *build*; None for a *dry_run*."""
    if dry_run:
        return None
    made = locks.lock(build, dry_run=True)
    return Change(made.file, made.file.name, made.before, made.text)


def _file(project: Workspace, name: str, facts: Mapping[str, str]) -> tuple[Change | None, str]:
    """Return the change that makes the file *name*, of FILES; else why it is left alone."""
    file = project.root / FILES[name]
    text = own_files.data("resources", "init", file.name).read_text(encoding="utf-8")
    for fact, value in facts.items():
        text = text.replace(f"{{{fact}}}", value)
    if not file.exists():
        return Change(file, FILES[name], "", text), ""
    same = text_file.read(file) == text
    return None, f"{FILES[name]} exists{'' if same else ' and is not changed'}"


def _facts(branch: str, lock: str) -> dict[str, str]:
    """Return what the files for CI name: versions, the *branch* to build, the *lock*."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"frostline": version("frostline"), "python": python, "branch": branch, "lock": lock}


def _branch(project: Workspace, environ: Environ) -> str:
    found = tree.git(project.root, "symbolic-ref", "--quiet", "--short", "HEAD", environ=environ)
    return (found or b"main").decode().strip()


def write(changes: Sequence[Change]) -> None:
    """Write *changes*. Raises OSError."""
    for change in changes:
        workspace.write(change.file, change.after)
