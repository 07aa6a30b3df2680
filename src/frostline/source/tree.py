"""Lists the files of a source folder: what git knows of them, or all but what tools make.

Nothing is written into the folder, not even into its `.git`.
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

from frostline.core import command, digest
from frostline.core.command import Environ

# Made by tools wherever they lie; tracked files are kept.
_CACHES = {
    "__pycache__", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules",
}  # fmt: skip
# Made by tools at the top of a project, where no git says so.
_MADE = {".venv", "venv", "env", "build", "dist"}
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*")


def files(
    root: Path, named: Iterable[Path] = (), *, environ: Environ, output: Path | None = None
) -> tuple[Path, ...]:
    """Return the files of the folder *root* in a fixed order, relative to it.

    With git: what it tracks and what it does not ignore, and all in the folders of packages, such
    as a generated `_version.py`. Files and folders of *named* are taken even if git ignores them.
    Never: virtual environments, caches, devices, sockets, and what lies in the folder *output*.
    """
    found = set(_listed(root, environ))
    packages = {folder for path in found if (folder := _package(root, path))}
    for path in (*packages, *(root / item for item in named)):
        if path.is_dir() and not path.is_symlink():
            found |= {file.relative_to(root) for file in _walk(path, root)}
        elif path.is_relative_to(root):
            found.add(path.relative_to(root))
    is_environment = cache(_is_environment)
    chosen = (
        path
        for path in found
        if not (output and (root / path).is_relative_to(output))
        if not any(is_environment(root / parent) for parent in path.parents)
        if (root / path).is_symlink() or (root / path).is_file()
    )
    return tuple(sorted(chosen, key=os.fsencode))


def digests(
    root: Path, named: Iterable[Path] = (), *, environ: Environ, output: Path | None = None
) -> dict[str, str]:
    """Return what determines each file of `files`, by its path: bytes, execution bit, or link."""
    found = files(root, named, environ=environ, output=output)
    return {path.as_posix(): digest_of(root / path) for path in found}


def digest_of(path: Path) -> str:
    """Return the SHA-256 of the file *path*, marked if it is executable; of a link, its target."""
    if not path.is_file():
        return f"link {path.readlink().as_posix()}"
    mark = " x" if os.name != "nt" and path.stat().st_mode & stat.S_IXUSR else ""
    return digest.of_file(path) + mark


def git(folder: Path, *arguments: str, environ: Environ, text: bytes = b"") -> bytes | None:
    """Return the output of a git command in *folder*, None if it fails or there is no git.

    It gets *text* as input. It takes no lock, and no variable names another repository.
    """
    env = {key: value for key, value in environ.items() if not key.startswith("GIT_")}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return command.captured([*_GIT, *arguments], env=env, cwd=folder, text=text)


def _listed(root: Path, environ: Environ) -> Iterator[Path]:
    """Yield the files that git tracks or does not ignore; all files if git knows none of them."""
    known = git(
        root, "ls-files", "-t", "-z", "--cached", "--others", "--exclude-standard", environ=environ
    )
    if not known:
        yield from (path.relative_to(root) for path in _walk(root, root, _MADE))
        return
    for line in known.split(b"\0")[:-1]:
        path = Path(os.fsdecode(line[2:]))
        if line.startswith(b"?") and not _CACHES.isdisjoint(path.parts):
            continue
        full = root / path
        if full.is_dir() and full.is_symlink():
            yield from _linked(root, path) if line.startswith(b"H") else ()
        elif full.is_symlink():
            yield from (path,) if line.startswith(b"H") or _stays(full, root) else ()
        elif not full.is_dir():
            yield path
        elif (full / ".git").exists():  # a submodule, or another repository
            yield from (path / file for file in _listed(full, environ))


def _linked(root: Path, path: Path) -> Iterator[Path]:
    """Yield the tracked link *path* to a folder; if it leaves *root*, the files of that folder."""
    target = (root / path).resolve()
    if target.is_relative_to(root.resolve()):
        yield path
    elif not root.resolve().is_relative_to(target):
        yield from (path / file.relative_to(target) for file in _walk(target, target))


def _walk(folder: Path, root: Path, without: Collection[str] = ()) -> Iterator[Path]:
    """Yield all files below *folder* but caches and links that leave *root*.

    At its top, without the names *without*.
    """
    left_out = {".git", *_CACHES, *without}
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = Path(entry.path)
        if entry.name in left_out or entry.name.endswith((".pyc", ".egg-info")):
            continue
        if entry.is_symlink():
            yield from (path,) if _stays(path, root) else ()
        elif not entry.is_dir():
            yield path
        elif not _is_environment(path):
            yield from _walk(path, root)


def _package(root: Path, path: Path) -> Path | None:
    """Return the outermost package that the module *path* lies in, or None."""
    if path.suffix != ".py":
        return None
    parents = reversed(path.parents[:-1])
    return next((root / item for item in parents if (root / item / "__init__.py").is_file()), None)


def _stays(link: Path, root: Path) -> bool:
    """Return whether the symbolic *link* leads to a place in *root*."""
    try:
        return link.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # it leads to itself
        return False


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()
