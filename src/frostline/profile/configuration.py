"""Finds the products of a project, and where each is described.

A product is described in pyproject.toml (`[tool.frostline]`, or `[tool.frostline.products.NAME]`
for several), in frostline.toml (at its top, or `[products.NAME]`), or in `specs/NAME.toml`. Without
a description the project is one product, whose profile is inferred.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from frostline.core.errors import UsageError, did_you_mean
from frostline.core.workspace import Workspace
from frostline.profile import toml_file
from frostline.profile.mistakes import is_table
from frostline.profile.toml_file import Key, TomlFile

PAGE = "docs/profile.md"
# What a folder with a Python project contains, the surest first.
_PROJECT_FILES = (
    "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "requirements.in", "Pipfile",
    "manage.py", "*.spec", "app.py", "main.py", "__main__.py",
)  # fmt: skip


@dataclass(frozen=True)
class Declaration:
    """Where the profile of *product* stands: the table *key* of *file*; *file* is None: nowhere."""

    product: str
    file: Path | None
    key: Key = ()


def find(start: Path) -> Workspace:
    """Return the project that contains the folder *start*.

    It is the nearest folder that configures frostline, else the nearest one with a Python project,
    else *start* if a script lies in it.
    Raises UsageError if there is none, TomlError.
    """
    for folder in (start, *start.parents):
        if any(_declared(folder)):
            return Workspace(folder)
    for folder in (start, *start.parents):
        if any(any(folder.glob(pattern)) for pattern in _PROJECT_FILES):
            return Workspace(folder)
    if any(start.glob("*.py")):
        return Workspace(start)
    message = f"no project here: neither {start} nor a folder above it has a Python project."
    hint = "change to a project's folder: one with pyproject.toml, requirements.txt or app.py"
    raise UsageError(message, hint=hint)


def products(project: Workspace) -> tuple[str, ...]:
    """Return the names of all products of *project*. Raises UsageError, TomlError."""
    return tuple(sorted(_declarations(project)))


def require_product(project: Workspace, product: str) -> str:
    """Return *product*. Raises UsageError if *project* has no such product."""
    known = products(project)
    if product in known:
        return product
    message = f'unknown product "{product}".{did_you_mean(product, known)}'
    raise UsageError(message, hint=f"products: {', '.join(known) or 'none'}")


def is_written(project: Workspace, product: str) -> bool:
    """Return whether a file of *project* describes *product*. Raises UsageError, TomlError."""
    return _declarations(project)[product].file is not None


def read(project: Workspace, product: str) -> TomlFile:
    """Return the profile of *product* as it is written, empty if it is written nowhere.

    Raises UsageError, TomlError.
    """
    found = _declarations(project)[product]
    if found.file is None:
        return TomlFile("the inferred profile", "", {}, PAGE)
    return toml_file.read(found.file, project.root, PAGE, found.key)


def _declarations(project: Workspace) -> dict[str, Declaration]:
    """Return the declaration of each product. Raises UsageError for one with two."""
    known: dict[str, Declaration] = {}
    for found in _declared(project.root):
        other = known.setdefault(found.product, found)
        if other is not found:
            places = " and ".join(_place(item, project.root) for item in (other, found))
            message = f"the product {found.product} is described twice: in {places}."
            raise UsageError(message, hint="keep one of them")
    if not known:
        name = project_name(project.root)
        known[name] = Declaration(name, None)
    return known


def _place(found: Declaration, root: Path) -> str:
    file = found.file.relative_to(root).as_posix() if found.file else ""
    return f"{file} [{'.'.join(map(str, found.key))}]" if found.key else file


def _declared(root: Path) -> Iterator[Declaration]:
    """Yield the declarations in the files of the project *root*."""
    for path in sorted((root / "specs").glob("*.toml")):
        yield Declaration(path.stem, path)
    for name, key in (("pyproject.toml", ("tool", "frostline")), ("frostline.toml", ())):
        path = root / name
        table = _table_at(path, root, key)
        if table is None:
            continue
        several = table.get("products")
        if not is_table(several):
            yield Declaration(project_name(root), path, key)
            continue
        if beside := next((other for other in table if other != "products"), ""):
            file = toml_file.read(path, root, PAGE, key)
            reason = "cannot stand beside products; write it into each of their tables"
            raise file.error([((beside,), reason)])
        for product in several:
            yield Declaration(product, path, (*key, "products", product))


def project_name(root: Path) -> str:
    """Return the name of the only product of the project *root*: the project's, else the folder's.

    Raises TomlError for a pyproject.toml that is no TOML.
    """
    for key in (("project",), ("tool", "poetry")):
        table = _table_at(root / "pyproject.toml", root, key)
        if table and isinstance(name := table.get("name"), str) and _product_name(name):
            return _product_name(name)
    return _product_name(root.resolve().name) or "product"


def _product_name(text: str) -> str:
    """Return *text* as the name of files and folders, on every system."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _table_at(path: Path, root: Path, key: Key) -> dict[str, object] | None:
    """Return the table *key* of the TOML file *path*, or None if there is none."""
    try:
        return toml_file.read(path, root, PAGE, key).table if path.is_file() else None
    except KeyError:
        return None
