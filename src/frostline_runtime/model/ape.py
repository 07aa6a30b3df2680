"""Reads the kind of an executable, and the models and arguments in the ZIP of a llamafile."""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline_runtime.model.gguf import SUFFIX

# Actually Portable Executable: its DOS header is also a shell script.
MARKS = (b"MZqFpD='", b"jartsr='")
ARGUMENTS = ".args"
# Weights at a multiple of it can be memory-mapped on every system.
ALIGNMENT = 65_536
_LONGEST_ARGUMENTS = 1024 * 1024
_LOCAL_HEAD = 30
# What zipfile raises for truncated archives and wrong offsets.
_NO_ZIP = (
    zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError, EOFError,
    zlib.error, struct.error,
)  # fmt: skip

Kind = Literal["ape", "elf", "pe", "mach-o", "script", "other"]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the ZIP; its bytes begin at *offset* of the whole file."""

    name: str
    size: int
    offset: int
    stored: bool

    @property
    def mappable(self) -> bool:
        """Tell whether it can be memory-mapped."""
        return self.stored and self.offset % ALIGNMENT == 0


@dataclass(frozen=True, slots=True)
class Executable:
    """An executable file, with the *arguments* and *models* inside it."""

    kind: Kind
    size: int
    arguments: tuple[str, ...] = ()
    models: tuple[Member, ...] = ()


def kind_of(path: Path) -> Kind:
    """Return the kind of file *path*, by its first bytes. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(8)
    if head in MARKS:
        return "ape"
    if head[:4] == b"\x7fELF":
        return "elf"
    if head[:2] == b"MZ":
        return "pe"
    if head[:4] in {b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"}:
        return "mach-o"
    return "script" if head[:2] == b"#!" else "other"


def inspect(path: Path) -> Executable:
    """Return the kind and the content of executable *path*. Raises OSError."""
    kind, size = kind_of(path), path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(SUFFIX)]
            models = tuple(_member(path, info) for info in members)
            return Executable(kind, size, _arguments(archive), models)
    except _NO_ZIP:
        return Executable(kind, size)


def _member(path: Path, info: zipfile.ZipInfo) -> Member:
    # The local header may have other lengths than the central directory.
    with path.open("rb") as file:
        file.seek(info.header_offset)
        head = file.read(_LOCAL_HEAD)
    lengths = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    offset = info.header_offset + _LOCAL_HEAD + lengths
    return Member(info.filename, info.file_size, offset, info.compress_type == zipfile.ZIP_STORED)


def _arguments(archive: zipfile.ZipFile) -> tuple[str, ...]:
    try:
        info = archive.getinfo(ARGUMENTS)
    except KeyError:
        return ()
    if info.file_size > _LONGEST_ARGUMENTS:
        return ()
    return tuple(archive.read(info).decode("utf-8", "replace").splitlines())
