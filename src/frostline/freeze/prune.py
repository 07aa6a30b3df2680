"""Chooses the installed files that are not needed at run time, such as test suites.

The name of a folder is not enough (botocore's `docs` holds code): its content must match its
name, no code outside may import or mention it, and the evidence must not contain it.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from frostline.launch.evidence import Fact

Category = Literal["bytecode", "tests", "documentation", "examples", "stubs", "version control"]
CATEGORIES: tuple[Category, ...] = get_args(Category)

_FOLDERS: Mapping[str, Category] = {
    "test": "tests", "tests": "tests", "doc": "documentation", "docs": "documentation",
    "documentation": "documentation", "example": "examples", "examples": "examples",
    "samples": "examples",
}  # fmt: skip
_SHARED: Mapping[str, Category] = {"share/doc/": "documentation", "share/man/": "documentation"}
_VERSION_CONTROL = {".git", ".hg", ".svn", ".github", ".gitignore", ".gitattributes"}
_TEST = re.compile(r"^(test_\w+|\w+_test|conftest)\.py$")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#\n]+)"
    r"|import[ \t]+([^#\n]+))",
    re.MULTILINE,
)
_NAMES = "|".join(_FOLDERS)
# A module or folder name in quotes, which code may import or open.
_DOTTED = re.compile(rf"[\"']([\w.]+\.(?:{_NAMES})(?:\.[\w.]+)?)[\"']")
_WORD = re.compile(rf"[\"'/]({_NAMES})[\"'/]")
_METADATA = (".dist-info", ".egg-info", ".data")


@dataclass(frozen=True, order=True)
class Candidate:
    """A file that can be left out; *place* is its path relative to the site-packages folder."""

    category: Category
    distribution: str
    place: str
    size: int


@dataclass
class _Sources:
    """The names that modules outside suspected folders import, and the folders they mention."""

    imported: set[str]
    words: dict[str, set[str]]


def choose(
    installed: Mapping[str, Distribution], root: Path, facts: Iterable[Fact]
) -> tuple[Candidate, ...]:
    """Return the files of the distributions *installed* in *root* that can be left out, sorted.

    Metadata, scripts and everything in *facts* are never chosen.
    """
    used = {fact.name for fact in facts if fact.kind in {"file", "folder", "library"}}
    used |= {fact.name.replace(".", "/") for fact in facts if fact.kind == "module"}
    files = {name: [*_files(item, root)] for name, item in installed.items()}
    suspects = {name: _suspects(places) for name, places in files.items()}
    sources = _read(root, files, {folder for folders in suspects.values() for folder in folders})
    chosen: list[Candidate] = []
    for name, places in files.items():
        removable = {
            folder: category
            for folder, category in suspects[name].items()
            if _is_only_that(folder, category, places, sources, name)
            and not any(f"{other}/".startswith(f"{folder}/") for other in used)
        }
        for place in places:
            category = _category(place, removable, root)
            if category and place not in used:
                size = (root / place).stat().st_size
                chosen.append(Candidate(category, name, place, size))
    return tuple(sorted(chosen))


def in_tree(root: Path) -> tuple[Candidate, ...]:
    """Return files in *root* that no distribution lists: bytecode caches, version control."""
    found: list[Candidate] = []
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        place = path.relative_to(root).as_posix()
        if _VERSION_CONTROL & {*path.relative_to(root).parts}:
            found.append(Candidate("version control", "", place, path.stat().st_size))
        elif path.suffix == ".pyc" and path.parent.name == "__pycache__":
            source = path.parent.parent / f"{path.name.partition('.')[0]}.py"
            if source.exists():
                found.append(Candidate("bytecode", "", place, path.stat().st_size))
    return tuple(sorted(found))


def by_category(chosen: Iterable[Candidate]) -> dict[Category, tuple[int, int]]:
    """Return the number and bytes of the files in *chosen*, by category."""
    totals: dict[Category, tuple[int, int]] = {}
    for item in chosen:
        number, size = totals.get(item.category, (0, 0))
        totals[item.category] = number + 1, size + item.size
    return {category: totals[category] for category in CATEGORIES if category in totals}


def _files(item: Distribution, root: Path) -> Iterator[str]:
    """Yield the existing files of *item*; the path of one outside *root* begins with `..`."""
    for path in item.files or ():
        top = path.parts[0]
        if not top.endswith(_METADATA) and path.suffix != ".pyc" and (root / path).is_file():
            yield path.as_posix()


def _suspects(places: Collection[str]) -> dict[str, Category]:
    """Return the topmost folders whose names suggest that they can be left out."""
    found: dict[str, Category] = {}
    for place in places:
        parts = PurePosixPath(place).parts
        for depth, part in enumerate(parts[:-1]):
            if part in _FOLDERS and ".." not in parts:
                found["/".join(parts[: depth + 1])] = _FOLDERS[part]
                break
    return found


def _read(root: Path, files: Mapping[str, list[str]], suspects: Collection[str]) -> _Sources:
    imported: set[str] = set()
    words: dict[str, set[str]] = defaultdict(set)
    suspected = tuple(f"{folder}/" for folder in suspects)
    for name, places in files.items():
        for place in places:
            if not place.endswith(".py") or place.startswith(suspected):
                continue
            text = (root / place).read_text(encoding="utf-8", errors="replace")
            imported.update(_imports(place, text))
            imported.update(_DOTTED.findall(text))
            words[name].update(_WORD.findall(text))
    return _Sources(imported, words)


def _imports(place: str, text: str) -> Iterator[str]:
    """Yield the dotted names that the module at *place* may import."""
    package = PurePosixPath(place).parent.parts
    for dots, module, names, plain in _IMPORT.findall(text):
        if plain:
            yield from (name.split(" as ")[0].strip() for name in plain.split(","))
            continue
        base = package[: len(package) - len(dots) + 1] if dots else ()
        begin = ".".join(filter(None, (*base, module)))
        for name in names.strip("() \t\\\n").split(","):
            yield f"{begin}.{name.split(' as ')[0].strip()}"


def _is_only_that(
    folder: str, category: Category, places: Collection[str], sources: _Sources, name: str
) -> bool:
    inside = [place for place in places if place.startswith(f"{folder}/")]
    dotted = folder.replace("/", ".")
    if any(module == dotted or module.startswith(f"{dotted}.") for module in sources.imported):
        return False
    if category == "tests":
        return any(_TEST.match(PurePosixPath(place).name) for place in inside)
    if PurePosixPath(folder).name in sources.words.get(name, ()):
        return False
    return category == "examples" or not any(place.endswith(".py") for place in inside)


def _category(place: str, removable: Mapping[str, Category], root: Path) -> Category | None:
    for folder, category in removable.items():
        if place.startswith(f"{folder}/"):
            return category
    for part, category in _SHARED.items():
        if f"../{part}" in place:
            return category
    if place.endswith(".pyi") and not _is_read(root / place):
        return "stubs"
    return None


def _is_read(stub: Path) -> bool:
    """Return whether the package reads *stub* at run time, as lazy-loader's `attach_stub` does."""
    own = stub.with_name("__init__.py")
    return own.is_file() and "attach_stub" in own.read_text(encoding="utf-8", errors="replace")
