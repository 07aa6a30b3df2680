"""Which module a file is: folders that Python's path has, source layouts, packages."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Protocol

# The folders whose programs are not the product's when there is any other.
ASIDE = frozenset({
    "test", "tests", "testing", "unit_tests", "integration_tests", "e2e", "example", "examples",
    "sample", "samples", "demo", "demos", "doc", "docs", "docs_src", "documentation", "migrations",
    "alembic", "versions", "benchmark", "benchmarks", "bench", "perf", "notebooks", "vendor",
    "vendored", "_vendor", "third_party", "templates", "cookiecutter", "site-packages", "fixtures",
    "scripts", "tools", "contrib", "ci", "hack", "deploy",
})  # fmt: skip
_IMPORTED = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", "manage.py")


class Texts(Protocol):
    """Files and their content."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the files."""

    def data(self, name: str) -> bytes:
        """Return the content of the file *name*."""


def import_roots(files: Texts, pyproject: Mapping[str, object]) -> tuple[str, ...]:
    """Return the folders from which the project's modules are imported, the deepest first.

    The root of the project is "". A folder is one if the build backend's tables name it, if it is
    `src`, if it is a project of its own, or if what lies in it imports its neighbours by name.
    """
    packages = {_folder(name) for name in files.names if name.endswith("/__init__.py")}
    python = [name for name in files.names if name.endswith((".py", ".pyw"))]
    projects = {_folder(name) for name in files.names if PurePosixPath(name).name in _PROJECT}
    neighbours: dict[str, set[str]] = {}
    for name in (*python, *packages):
        folder = _folder(name)
        if folder not in packages:
            neighbours.setdefault(folder, set()).add(PurePosixPath(name).stem)
    imports = {
        name: {word.decode() for word in _IMPORTED.findall(files.data(name))} for name in python
    }
    folders = {"", *projects, *_declared(pyproject)} - packages
    if not any("src" in names for names in imports.values()):  # `import src.shop` wants the root
        folders |= {f"{folder}/src".lstrip("/") for folder in projects | {""}} - packages
    at_top = neighbours.get("", set())
    for name, imported in imports.items():
        foreign = at_top | sys.stdlib_module_names | {PurePosixPath(name).stem}
        for folder in map(str, PurePosixPath(name).parents[:-1]):
            if folder not in packages and (imported & neighbours.get(folder, set())) - foreign:
                folders.add(folder)
    return tuple(sorted(folders, key=lambda folder: (-len(_parts(folder)), folder)))


def files_by_module(names: Iterable[str], roots: Iterable[str]) -> dict[str, str]:
    """Return the file of each module; names that Python cannot import are left out."""
    roots = tuple(roots)
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (len(_parts(name)), name)):
        if name.endswith((".py", ".pyw")):
            parts = PurePosixPath(name).with_suffix("").parts
            within = parts[len(_parts(root_of(name, roots))) :]
            if within[-1] == "__init__":
                within = within[:-1]
            if within and all(part.isidentifier() for part in within):
                found.setdefault(".".join(within), name)
    return found


def root_of(name: str, roots: Iterable[str]) -> str:
    """Return the import root of the file *name*; *roots* has the deepest first."""
    parts = _parts(name)
    return next(root for root in roots if parts[: len(_parts(root))] == _parts(root))


def project_of(name: str, roots: Iterable[str], names: Iterable[str]) -> str:
    """Return the folder of the project that the file *name* belongs to, "" for the whole one."""
    root = root_of(name, roots)
    if root in {"", "src"}:
        return ""
    known = {*names}
    above = [root, *(str(folder) for folder in PurePosixPath(root).parents[:-1])]
    marks = (*_PROJECT, "requirements.txt")
    marked = (folder for folder in above if any(f"{folder}/{mark}" in known for mark in marks))
    return next(marked, root)


def in_aside_folder(name: str) -> bool:
    """Return whether the file *name* lies in a folder of tests, examples or the like."""
    return bool(ASIDE & {folder.lower() for folder in _parts(name)[:-1]})


def aside(name: str) -> bool:
    """Return whether the file *name* is a test, an example, documentation or a migration."""
    last = PurePosixPath(name).name
    return (
        in_aside_folder(name)
        or last in {"setup.py", "noxfile.py", "fabfile.py", "conftest.py", "tasks.py", "manage.py"}
        or last.startswith("test_")
        or last.endswith("_test.py")
    )


def _declared(pyproject: Mapping[str, object]) -> Iterable[str]:
    """Yield the folders of packages that tables of build backends name."""
    tool = pyproject.get("tool")
    tool = tool if isinstance(tool, dict) else {}
    for place, key in (
        (("setuptools", "packages", "find"), "where"),
        (("setuptools", "package-dir"), ""),
        (("pdm", "build"), "package-dir"),
        (("uv", "build-backend"), "module-root"),
        (("poetry",), "packages"),
        (("hatch", "build", "targets", "wheel"), "sources"),
    ):
        value: object = tool
        for step in (*place, key):
            value = value.get(step) if isinstance(value, dict) else None
        for item in value if isinstance(value, list) else [value]:
            folder = item.get("from") if isinstance(item, dict) else item
            if isinstance(folder, str):
                yield "" if folder in {".", ""} else folder.strip("/")


def _folder(name: str) -> str:
    folder = str(PurePosixPath(name).parent)
    return "" if folder == "." else folder


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).parts
