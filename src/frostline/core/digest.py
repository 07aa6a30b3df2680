"""SHA-256 digests of files and folders."""

import hashlib
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
    return hashlib.sha256(lines.encode()).hexdigest()


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
