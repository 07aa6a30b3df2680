"""Copies the source of a product, so that nothing is ever written into the user's folder."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from frostline.core import cache, digest, workspace
from frostline.profile.build import Build
from frostline.source import history, product_files


@contextmanager
def copied(build: Build) -> Iterator[Path]:
    """Yield a copy of the product's source, with its git history; remove it after the block.

    It lies in the cache's folder: in the project, backends would find the project's files in the
    folders above. Its path is the same for each build, since compilers write it into libraries.
    Raises OSError, UsageError, TomlError, StorageError.
    """
    source = build.root / build.profile.source
    known = history.find(source, build.environ)
    key = digest.of_values({"work": str(build.work.absolute())})[:16]
    top = cache.find(build.environ).root / "source" / key
    copy = top / known.prefix if known else top
    workspace.remove(top)
    try:
        copy.mkdir(parents=True, mode=0o700)
        copy_files(source, copy, product_files.files(build))
        if known:
            history.add(top, source, known, build.environ)
        else:
            # Backends look for rules of git in the folders above, up to one with `.git`.
            (top / ".git").mkdir()
        yield copy
    finally:
        workspace.remove(top)


def copy_files(source: Path, copy: Path, files: Iterable[Path]) -> Path:
    """Copy *files* of the folder *source*, relative paths, into the folder *copy*; return that."""
    copy.mkdir(parents=True, exist_ok=True)
    for path in files:
        _copy(source / path, copy / path, source)
    return copy


def _copy(path: Path, target: Path, source: Path) -> None:
    """Copy a file; a link stays one if it leads to a place in *source*."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and path.resolve().is_relative_to(source.resolve()):
        to = path.readlink()
        if to.is_absolute():
            to = Path(os.path.relpath(path.resolve(), path.parent.resolve()))
        target.symlink_to(to)
    else:
        shutil.copy(path, target)
