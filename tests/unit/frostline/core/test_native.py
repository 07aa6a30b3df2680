"""Native files are recognised by content on any host."""

import importlib.util
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from frostline.core import native

SETUPTOOLS = importlib.util.find_spec("setuptools")


def macho(cpu: int, minimum: int) -> bytes:
    """Return a small Mach-O library for *cpu* whose minimum system is macOS *minimum*.0."""
    version = struct.pack("<IIIIII", 0x32, 24, 1, minimum << 16, minimum << 16, 0)
    rpath = b"/opt/build/lib\0\0"
    path = struct.pack("<III", 0x8000001C, 12 + len(rpath), 12) + rpath
    head = struct.pack("<IIIIIIII", 0xFEEDFACF, cpu, 0, 6, 2, len(version + path), 0, 0)
    return head + version + path


@pytest.mark.skipif(not shutil.which("readelf"), reason="needs binutils")
def test_elf() -> None:
    """Machine, needed libraries and newest glibc are those that binutils report."""
    program = Path(sys.executable).resolve()
    found = native.parse(program.read_bytes())
    assert found
    assert found.format == "elf"
    said = subprocess.run(
        ["readelf", "-V", "-d", program], check=True, capture_output=True, text=True
    ).stdout
    versions = {word for word in said.split() if word.startswith("GLIBC_2.")}
    newest = max(tuple(map(int, word[6:].split("."))) for word in versions)
    assert found.glibc == newest
    assert all(f"[{library}]" in said for library in found.needed)


@pytest.mark.parametrize(
    ("name", "machine"), [("cli-64.exe", "x86_64"), ("cli-arm64.exe", "arm64")]
)
def test_pe(name: str, machine: str) -> None:
    """Windows programs are read; setuptools installs some on every system."""
    assert SETUPTOOLS
    assert SETUPTOOLS.origin
    found = native.parse(Path(SETUPTOOLS.origin).with_name(name).read_bytes())
    assert found
    assert (found.format, found.machines) == ("pe", (machine,))
    assert "kernel32.dll" in found.needed
    assert found.minimum >= (5, 2)


@pytest.mark.parametrize(("cpu", "machine"), [(0x01000007, "x86_64"), (0x0100000C, "arm64")])
def test_mach_o(cpu: int, machine: str) -> None:
    """Machine, minimum system and rpaths are read."""
    found = native.parse(macho(cpu, 12))
    assert found
    assert (found.format, found.machines) == ("mach-o", (machine,))
    assert found.minimum == (12, 0)
    assert found.rpaths == ("/opt/build/lib",)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh", b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe"])
def test_what_cannot_be_read(data: bytes) -> None:
    """Unreadable files are not native files and raise nothing."""
    assert native.parse(data) is None


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        ("", "$ORIGIN", ""),
        ("numpy/core", "$ORIGIN/../../numpy.libs", "numpy.libs"),
        ("a", "${ORIGIN}/b", "a/b"),
        ("a", "@loader_path/../.dylibs", ".dylibs"),
        ("a", "$ORIGIN/../..", None),
        ("a", "/usr/lib", None),
        ("a", "lib", None),
        ("a", "$ORIGINAL/x", None),
    ],
)
def test_where_search_paths_lead(folder: str, path: str, expected: str | None) -> None:
    """An rpath leads to a folder of the bundle or outside it."""
    assert native.resolved(folder, path) == expected


def test_an_interrupt_waits_for_the_import_of_lief() -> None:
    """Ctrl-C in the middle of it would abort the process; it is not lost."""
    code = """
import signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "lief":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
try:
    import frostline.core.native
except KeyboardInterrupt:
    print("lief" in sys.modules)
"""
    argv = [sys.executable, "-c", code]
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout == "True\n"
