"""Archives are reproducible and complete; unpacking stays in the folder."""

import io
import os
import stat
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from frostline.core import archive
from frostline.core.archive import KINDS
from frostline.core.errors import FetchError
from frostline.core.platforms import ArchiveKind
from frostline.freeze.bundle import describe_files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and links")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a folder with the kinds of files in bundles: programs, data, links, odd names."""
    folder = tmp_path / "bundle"
    (folder / "deep" / "é ø").mkdir(parents=True)
    (folder / "run").write_bytes(b"\x7fELF" + os.urandom(5000))
    (folder / "run").chmod(0o755)
    (folder / "deep" / "é ø" / "data.txt").write_text("text", encoding="utf-8")
    (folder / "deep" / ("x" * 120)).write_bytes(b"")
    (folder / "lib.so.1").write_bytes(b"lib" * 1000)
    (folder / "deep" / "lib.so").symlink_to("../lib.so.1")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(bundle: Path, tmp_path: Path, kind: ArchiveKind) -> None:
    """Content, executable bits and links survive, below one top folder."""
    file = tmp_path / "out" / f"b.{kind}"
    archive.pack(bundle, "b-1.0", file, kind)
    archive.unpack(file, tmp_path / "back")
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["b-1.0"]
    assert describe_files(tmp_path / "back" / "b-1.0") == describe_files(bundle)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes(bundle: Path, tmp_path: Path, kind: ArchiveKind) -> None:
    """The bytes do not depend on times, the umask or the order of creation."""
    first, second = tmp_path / f"1.{kind}", tmp_path / f"2.{kind}"
    archive.pack(bundle, "b", first, kind)
    for path in bundle.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1, 1))
            path.chmod(path.stat().st_mode | stat.S_IWGRP)
    archive.pack(bundle, "b", second, kind)
    assert first.read_bytes() == second.read_bytes()


def test_gzip_stores_no_time_of_packing(bundle: Path, tmp_path: Path) -> None:
    """The header of a tar.gz has the fixed date of all files, not the time of packing."""
    file = tmp_path / "b.tar.gz"
    archive.pack(bundle, "b", file, "tar.gz")
    assert int.from_bytes(file.read_bytes()[4:8], "little") == archive.EPOCH


def tar(members: list[tuple[str, str]], mode: int = 0o644) -> bytes:
    """Return a tar.zst of files with *mode* and of links (name, target)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, link in members:
            info = tarfile.TarInfo(name)
            info.mode = mode
            if link == "device":
                info.type = tarfile.CHRTYPE
            elif link:
                info.type, info.linkname = tarfile.SYMTYPE, link
            made.addfile(info, io.BytesIO(b""))
    return zstandard.ZstdCompressor().compress(out.getvalue())


def zipped(members: list[tuple[str, str]], mode: int = 0o644) -> bytes:
    """Return a zip of files with *mode* and of links (name, target)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, link in members:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = ((stat.S_IFLNK if link else stat.S_IFREG) | mode) << 16
            made.writestr(info, link)
    return out.getvalue()


HOSTILE = {
    "a name that climbs": [("../evil", "")],
    "a name from the root": [("/evil", "")],
    "a drive": [("C:/evil", "")],
    "backslashes": [("..\\evil", "")],
    "a link to elsewhere": [("a/link", "/etc/passwd")],
    "a link that climbs": [("a/link", "../../evil")],
    "through a link": [("up", "a/.."), ("a/b", ""), ("x", "up/../..")],
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["tar.zst", "zip"])
def test_nothing_escapes(tmp_path: Path, name: str, kind: str) -> None:
    """A member that would leave the folder is refused by name; nothing is written outside."""
    file = tmp_path / "in" / f"evil.{kind}"
    file.parent.mkdir()
    made = tar(HOSTILE[name]) if kind == "tar.zst" else zipped(HOSTILE[name])
    file.write_bytes(made)
    with pytest.raises(FetchError, match=r"evil\..* is not unpacked: "):
        archive.unpack(file, tmp_path / "out" / "folder")
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["folder"]


@pytest.mark.parametrize("kind", ["tar.zst", "zip"])
@pytest.mark.parametrize(("mode", "expected"), [(0o6777, 0o755), (0o1666, 0o644), (0o640, 0o640)])
def test_nothing_gets_rights_over_others(
    tmp_path: Path, kind: str, mode: int, expected: int
) -> None:
    """Set-id and sticky bits, and the right of others to write, are not unpacked."""
    file = tmp_path / f"modes.{kind}"
    file.write_bytes((tar if kind == "tar.zst" else zipped)([("tool", "")], mode))
    archive.unpack(file, tmp_path / "out")
    assert (tmp_path / "out" / "tool").stat().st_mode & 0o7777 == expected


def test_a_device_is_refused(tmp_path: Path) -> None:
    """Device files are refused."""
    file = tmp_path / "evil.tar.zst"
    file.write_bytes(tar([("null", "device")]))
    with pytest.raises(FetchError, match="neither file, folder nor link"):
        archive.unpack(file, tmp_path / "out")


def test_what_cannot_be_read_leaves_nothing(bundle: Path, tmp_path: Path) -> None:
    """A failed pack leaves neither an archive nor a part of one."""
    file = tmp_path / "out" / "b.zip"

    def vanish(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zipfile.ZipFile.open", vanish)
        with pytest.raises(OSError, match="Input/output error"):
            archive.pack(bundle, "b", file, "zip")
    assert list(file.parent.iterdir()) == []
