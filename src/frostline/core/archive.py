"""Packs and unpacks archives: reproducible, with modes and links, safe against path traversal."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import get_args

import zstandard

from frostline.core.errors import FetchError
from frostline.core.platforms import ArchiveKind

KINDS: tuple[ArchiveKind, ...] = get_args(ArchiveKind)
# The oldest date that zip can store, and ZipInfo's default; builds use it for their files, too.
EPOCH = 315532800
_LEVEL = 19
EXECUTABLE, _PLAIN, _LINK = 0o755, 0o644, 0o777
# The first bytes of a zip file and of a zstandard stream.
_ZIP, _ZSTANDARD = (b"PK\x03\x04", b"PK\x05\x06"), b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class _Member:
    name: str
    mode: int
    link: str
    path: Path


def pack(folder: Path, top: str, archive: Path, kind: ArchiveKind) -> None:
    """Write all files of *folder* to *archive*, inside a top folder *top*. Raises OSError."""
    part = archive.with_name(f"{archive.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            if kind == "zip":
                _write_zip(folder, top, file)
            else:
                _write_tar(folder, top, file, kind)
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)


def unpack(archive: Path, folder: Path, place: Callable[[str], str] = str) -> None:
    """Unpack *archive* into the new *folder*; its first bytes tell whether it is zip or tar.

    *place* returns the path to unpack a member to, or "" to skip it. Raises FetchError if the
    archive cannot be read or a member would leave *folder*, OSError.
    """
    folder.mkdir(parents=True)
    with archive.open("rb") as packed:
        head = packed.read(4)
        packed.seek(0)
        try:
            if head.startswith(_ZIP):
                _read_zip(archive, folder, place)
            elif head == _ZSTANDARD:
                with zstandard.ZstdDecompressor().stream_reader(packed) as file:
                    _read_tar(file, archive, folder, place)
            else:
                _read_tar(packed, archive, folder, place)
        except (tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, EOFError) as error:
            message = f"{archive.name} cannot be unpacked: {error}."
            raise FetchError(message, hint="fetch it again") from None


def mode_of(path: Path) -> int:
    """Return the mode that the file at *path* gets in a bundle and in an archive."""
    return EXECUTABLE if os.access(path, os.X_OK) else _PLAIN


def _members(folder: Path, top: str) -> Iterator[_Member]:
    for path in sorted(folder.rglob("*")):
        name = f"{top}/{path.relative_to(folder).as_posix()}"
        if path.is_symlink():
            yield _Member(name, _LINK, path.readlink().as_posix(), path)
        elif path.is_file():
            yield _Member(name, mode_of(path), "", path)


def _write_tar(folder: Path, top: str, file: io.BufferedWriter, kind: ArchiveKind) -> None:
    if kind == "tar.zst":
        with (
            zstandard.ZstdCompressor(level=_LEVEL).stream_writer(file, closefd=False) as out,
            tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            _fill_tar(tar, folder, top)
        return
    import gzip  # noqa: PLC0415  # tarfile's `w|gz` would store the current time

    with (
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=EPOCH) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        _fill_tar(tar, folder, top)


def _fill_tar(tar: tarfile.TarFile, folder: Path, top: str) -> None:
    for member in _members(folder, top):
        info = tarfile.TarInfo(member.name)
        info.mtime, info.mode = EPOCH, member.mode
        if member.link:
            info.type, info.linkname = tarfile.SYMTYPE, member.link
            tar.addfile(info)
            continue
        info.size = member.path.stat().st_size
        with member.path.open("rb") as content:
            tar.addfile(info, content)


def _write_zip(folder: Path, top: str, file: io.BufferedWriter) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for member in _members(folder, top):
            info = zipfile.ZipInfo(member.name)
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            kind = stat.S_IFLNK if member.link else stat.S_IFREG
            info.external_attr = (kind | member.mode) << 16
            if member.link:
                packed.writestr(info, member.link)
                continue
            info.file_size = member.path.stat().st_size  # zipfile needs it for files over 4 GB
            with packed.open(info, "w") as out, member.path.open("rb") as content:
                while block := content.read(1 << 20):
                    out.write(block)


def _read_tar(
    file: io.BufferedReader | zstandard.ZstdDecompressionReader, archive: Path, folder: Path,
    place: Callable[[str], str],
) -> None:  # fmt: skip
    with tarfile.open(fileobj=file, mode="r|*") as tar:
        # Python 3.11 has filters since 3.11.4 only, and Debian 12 has 3.11.2: `_check` and the
        # mode below do what the filter "tar" does.
        tar.extraction_filter = lambda member, _: member
        for info in tar:
            _require_inside(archive, info.name)
            name = place(info.name)
            if not name:
                continue
            if not (info.isreg() or info.issym() or info.isdir()):
                raise _refused(archive, info.name, "it is neither file, folder nor link")
            _check(archive, folder, name, info.linkname if info.issym() else "")
            info.name, info.mode = name, info.mode & EXECUTABLE
            tar.extract(info, folder)


def _read_zip(archive: Path, folder: Path, place: Callable[[str], str]) -> None:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            _require_inside(archive, info.filename)
            name = place(info.filename)
            if not name:
                continue
            mode = info.external_attr >> 16
            link = packed.read(info).decode() if stat.S_ISLNK(mode) else ""
            _check(archive, folder, name, link)
            target = folder / name
            if info.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if link:
                target.symlink_to(link)
                continue
            with packed.open(info) as source, target.open("xb") as out:
                while block := source.read(1 << 20):
                    out.write(block)
            target.chmod(mode & EXECUTABLE or _PLAIN)


def _require_inside(archive: Path, name: str) -> None:
    """Raise FetchError if the name of a member is absolute or contains `..`."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise _refused(archive, name, "its name leads out of the folder")


def _check(archive: Path, folder: Path, name: str, link: str) -> None:
    """Raise FetchError if the member *name*, or its link target *link*, is outside *folder*.

    Links that were unpacked before are followed: a link may lead through another one.
    """
    root, parent = folder.resolve(), (folder / name).parent.resolve()
    if not parent.is_relative_to(root):
        raise _refused(archive, name, "it would be written through a link")
    if link and not (parent / link).resolve().is_relative_to(root):
        raise _refused(archive, name, f"it is a link to {link}, out of the folder")


def _refused(archive: Path, name: str, reason: str) -> FetchError:
    message = f"{archive.name} is not unpacked: {name}: {reason}."
    return FetchError(message, hint="frostline did not make it, or it was changed afterwards")
