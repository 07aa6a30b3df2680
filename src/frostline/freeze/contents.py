"""Lists all files of a bundle, also those inside its archives (PKG, PYZ, base_library.zip)."""

import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from PyInstaller.archive.readers import ArchiveReadError, CArchiveReader

# The exceptions that reading a damaged member raises.
DAMAGED = (OSError, ValueError, EOFError, zlib.error, struct.error, ArchiveReadError)
# Larger files hold model weights: searching them takes seconds and finds nothing.
LARGEST_SEARCHED = 64 * 1024 * 1024


@dataclass(frozen=True)
class Item:
    """A file of a bundle; *name* is `archive!member` for a file inside an archive.

    *mode* is 0 inside archives; *link* is the target of a symbolic link. *contents* is the folder
    of the bundle that the running product sees as its root.
    """

    name: str
    size: int
    mode: int
    link: str
    read: Callable[[], bytes]
    contents: str = "_internal"

    @property
    def is_inside(self) -> bool:
        """Return whether the file is inside an archive."""
        return "!" in self.name

    @property
    def place(self) -> str:
        """Return the path at which the running product sees it, without archive and *contents*."""
        return (self.name.partition("!")[2] or self.name).removeprefix(f"{self.contents}/")

    @property
    def folder(self) -> str:
        """Return the folder of *place*, "" at the top."""
        return posixpath.dirname(self.place)

    @property
    def base(self) -> str:
        """Return the last part of *place*."""
        return posixpath.basename(self.place)

    @property
    def escapes(self) -> bool:
        """Return whether it is a symbolic link that leads out of the bundle."""
        end = posixpath.normpath(posixpath.join(posixpath.dirname(self.name), self.link))
        return self.link.startswith("/") or end.startswith("..")


def walk(bundle: Path) -> Iterator[Item]:
    """Yield every file of the folder *bundle*, in a fixed order. Raises OSError."""
    contents = contents_of(bundle)
    for path in sorted(bundle.rglob("*")):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        name = path.relative_to(bundle).as_posix()
        link = str(path.readlink()) if path.is_symlink() else ""
        yield Item(name, status.st_size, status.st_mode, link, path.read_bytes, contents)
        if link:
            continue
        if path.name == "base_library.zip":
            yield from _zip(name, path)
        elif status.st_mode & 0o111 or path.suffix == ".exe" or path.parent == bundle:
            yield from _package(name, path)


def contents_of(bundle: Path) -> str:
    """Return the folder of *bundle* with the manifest, by default `_internal`."""
    return next((path.parent.name for path in bundle.glob("*/frostline.json")), "")


def _zip(name: str, path: Path) -> Iterator[Item]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            data = archive.read(info)
            yield Item(f"{name}!{info.filename}", len(data), 0, "", partial(bytes, data))


class _Archive(Protocol):
    """The part of PyInstaller's reader that is used here; PyInstaller ships no types."""

    toc: Mapping[str, Sequence[object]]

    def extract(self, name: str) -> bytes:
        """Return the content of member *name*."""

    def open_embedded_archive(self, name: str) -> "_Modules":
        """Return the member *name* as an archive of modules."""


class _Modules(Protocol):
    toc: Mapping[str, Sequence[object]]

    def extract(self, name: str, raw: bool) -> bytes | None:  # noqa: FBT001  # PyInstaller's API
        """Return the content of module *name*."""


def _package(name: str, path: Path) -> Iterator[Item]:
    """Yield the members of the archive that PyInstaller appended to an executable, if any."""
    try:
        archive: _Archive = CArchiveReader(str(path))
    except DAMAGED:
        return
    for member, facts in sorted(archive.toc.items()):
        size, kind = int(str(facts[2])), facts[4]
        if kind == "z":
            yield from _modules(name, archive.open_embedded_archive(member))
        elif kind != "o":
            yield Item(f"{name}!{member}", size, 0, "", partial(archive.extract, member))


def _modules(name: str, archive: _Modules) -> Iterator[Item]:
    for module, facts in sorted(archive.toc.items()):
        size = int(str(facts[2]))
        if size:
            yield Item(f"{name}!{module}", size, 0, "", partial(_module, archive, module))


def _module(archive: _Modules, name: str) -> bytes:
    return archive.extract(name, True) or b""  # noqa: FBT003  # PyInstaller's API
