"""Scripts that lie beside a project's packages: its backend puts them into no wheel."""

import ast
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from frostline.source.package_data import own_modules

_ROOTS = ("", "src")


def add(entries: Iterable[str], source: Path, files: Iterable[Path], folder: Path) -> None:
    """Copy the modules of *entries* that *folder*, an unpacked wheel, does not have.

    They come from *source*, whose files are *files*, with what they import from beside them.
    """
    known = {path.as_posix() for path in files}
    wanted = [entry.partition(":")[0] for entry in entries]
    while wanted:
        module = wanted.pop()
        if module in own_modules(folder) or _has_package(folder, module):
            continue
        for root in _ROOTS:
            places = [*_places(module, root, known)]
            for place in places:
                target = folder / PurePosixPath(place).relative_to(root or ".")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / place, target)
                wanted += _imports(source / place)
            if places:
                break


def _has_package(folder: Path, module: str) -> bool:
    """Return whether the wheel has the top package of *module*: then nothing is added to it."""
    return (folder / module.partition(".")[0] / "__init__.py").is_file()


def _places(module: str, root: str, known: set[str]) -> Iterator[str]:
    """Yield the files of *module* below *root*: of a package, all of its top package's."""
    start = f"{root}/" if root else ""
    top, _, below = module.partition(".")
    if f"{start}{top}/__init__.py" in known:
        yield from sorted(name for name in known if name.startswith(f"{start}{top}/"))
        return
    file = f"{start}{'/'.join(filter(None, (top, *below.split('.'))))}.py"
    if file in known:
        yield file


def _imports(file: Path) -> Iterator[str]:
    """Yield the modules that *file* imports; nothing if it is no Python that can be read."""
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
