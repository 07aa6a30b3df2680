"""SHA-256 digests of files and folders."""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_IGNORED = {"__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules"}


def of_file(path: Path) -> str:
    """Return the SHA-256 of the file at *path*."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_values(values: Mapping[str, str]) -> str:
    """Return one SHA-256 of all *values*, regardless of their order."""
    lines = "".join(f"{key}\0{value}\n" for key, value in sorted(values.items()))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def of_folder(folder: Path) -> tuple[str, int]:
    """Return one SHA-256 of the names, modes, links and bytes of all below *folder*; and its size.

    The size is that of the files, in bytes.
    """
    total, size = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        mode = stat.S_IMODE(state.st_mode)
        if path.is_symlink():
            kept = f"link {path.readlink()}"
        elif path.is_dir():
            kept = f"folder {mode:o}"
        else:
            kept = f"file {mode:o} {of_file(path)}"
            size += state.st_size
        total.update(f"{path.relative_to(folder).as_posix()}\0{kept}\n".encode())
    return total.hexdigest(), size


def of_tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below *folder* by its relative path, without caches."""
    return {path.relative_to(folder).as_posix(): of_file(path) for path in files(folder)}


def files(folder: Path) -> Iterator[Path]:
    """Yield every file below *folder* in a fixed order, without caches."""
    for path in sorted(folder.iterdir()):
        if path.name in _IGNORED or path.suffix == ".pyc":
            continue
        if path.is_dir() and not path.is_symlink():
            yield from files(path)
        else:
            yield path
