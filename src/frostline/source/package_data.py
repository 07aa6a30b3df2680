"""Finds what of the product's own files is no module: its package data, all of which ships."""

import re
import shutil
from collections.abc import Collection
from pathlib import Path

_NEVER = {".py", ".pyc", ".pyo", ".pyi"}  # as modules, or not at run time
_TESTS = {"test", "tests"}
_TEST = re.compile(r"^(test_\w+|\w+_test|conftest)\.py$")
_EXTENSIONS = {".so", ".pyd"}


def own_modules(folder: Path, prefix: str = "") -> list[str]:
    """Return every module below *folder* that an import statement can reach.

    A folder without `__init__.py` is a package only at the top level (a namespace package);
    deeper ones hold data, such as Alembic's migrations.
    """
    names = []
    for path in sorted(folder.iterdir()):
        stem = path.name.partition(".")[0]
        name = f"{prefix}{stem}"
        if not stem.isidentifier():
            continue
        if _is_module(path):
            names.append(name.removesuffix(".__init__"))
        elif not path.is_dir() or path.name != stem:
            continue
        elif (path / "__init__.py").is_file() or not prefix:
            names += own_modules(path, f"{name}.")
    return list(dict.fromkeys(names))


def package_data(folder: Path, excludes: Collection[str]) -> list[str]:
    """Return the paths of the product's files below *folder* that are data of the bundle.

    Those are all that are neither modules, nor stubs, caches, tests or metadata, nor in one of the
    packages *excludes*. A script that no import statement can reach is data.
    """
    modules = set(own_modules(folder))
    chosen = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if not path.is_file() or place.parts[0].endswith((".dist-info", ".data")):
            continue
        parents = ".".join(place.parts[:-1])
        if any(f"{parents}.".startswith(f"{name}.") for name in excludes):
            continue
        if "__pycache__" in place.parts or not _TESTS.isdisjoint(place.parts[:-1]):
            continue
        if (
            (_is_module(path) and _module(place) in modules)
            or path.suffix in _NEVER - {".py"}
            or _TEST.match(path.name)
        ):
            continue
        chosen.append(place.as_posix())
    return chosen


def merge_libraries(folder: Path) -> None:
    """Move what an unpacked wheel has for site-packages in its `.data` folder to its place."""
    for data in folder.glob("*.data"):
        for name in ("purelib", "platlib"):
            if (data / name).is_dir():
                shutil.copytree(data / name, folder, dirs_exist_ok=True)
        shutil.rmtree(data)


def _is_module(path: Path) -> bool:
    """Return whether *path* is a file that Python can import; a plain library is none."""
    if path.suffix in _EXTENSIONS and path.is_file():
        return f"PyInit_{path.name.partition('.')[0]}".encode() in path.read_bytes()
    return path.suffix == ".py" and path.is_file()


def _module(place: Path) -> str:
    """Return the name of the module in the file *place*."""
    return ".".join((*place.parts[:-1], place.name.partition(".")[0])).removesuffix(".__init__")
