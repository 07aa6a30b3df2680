"""Kinds of executables, and the content of a llamafile (rows L3, L8)."""

import zipfile
from pathlib import Path

import pytest

from frostline_runtime.model import ape

pytestmark = pytest.mark.product("L3", "L8")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"MZqFpD='\n", "ape"),
        (b"jartsr='\n", "ape"),
        (b"\x7fELF\2\1\1", "elf"),
        (b"MZ\x90\0", "pe"),
        (b"\xcf\xfa\xed\xfe\7\0\0\1", "mach-o"),
        (b"#!/bin/sh\n", "script"),
        (b"GGUF", "other"),
        (b"", "other"),
    ],
)
def test_kinds(head: bytes, kind: str, tmp_path: Path) -> None:
    """The first bytes decide, not the name."""
    path = tmp_path / "x.exe"
    path.write_bytes(head)
    assert ape.kind_of(path) == kind
    assert ape.inspect(path) == ape.Executable(kind, len(head))


def test_content(tmp_path: Path) -> None:
    """Arguments line by line, and models with their offset; other files are ignored."""
    path = tmp_path / "x.llamafile"
    path.write_bytes(b"MZqFpD='\n'\n" + bytes(1000))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(".args", "-m\nm.gguf\n-c\n0\n...\n")
        archive.writestr("m.gguf", b"GGUF stored")
        archive.writestr("packed.gguf", b"GGUF" * 100, zipfile.ZIP_DEFLATED)
        archive.writestr("readme", "x")
    found = ape.inspect(path)
    assert found.arguments == ("-m", "m.gguf", "-c", "0", "...")
    stored, packed = found.models
    assert path.read_bytes()[stored.offset :][: stored.size] == b"GGUF stored"
    assert (stored.stored, packed.stored) == (True, False)
    assert not stored.mappable  # not on a boundary


def test_damaged_archives(tmp_path: Path) -> None:
    """A truncated or wrong ZIP counts as none; endless arguments are not read."""
    path = tmp_path / "x"
    path.write_bytes(b"MZqFpD='\n'\n")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(".args", "a\n" * 1_000_000)
        archive.writestr("m.gguf", b"GGUF")
    assert ape.inspect(path).arguments == ()
    whole = path.read_bytes()
    for length in range(20, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        assert ape.inspect(path).kind == "ape"
    changed = bytearray(whole)
    for at in range(len(whole) - 120, len(whole)):
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        assert ape.inspect(path).kind == "ape"
        changed[at] ^= 0xFF
