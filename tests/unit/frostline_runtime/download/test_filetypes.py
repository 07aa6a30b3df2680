"""What a wrong download is, in words."""

import pytest

from frostline_runtime.download.filetypes import describe

OLD = "a model of an old format (before GGUF)"
PAGE = "a web page, perhaps a login or an error"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer, not the file itself"),
        (b"GGUF\3", "a GGUF model"),
        (b"FUGG", "a GGUF model of the other byte order"),
        (b"ggjt", OLD), (b"ggml", OLD), (b"lmgg", OLD),
        (b"MZqFpD='\n", "an executable for all systems, such as a llamafile"),
        (b"MZ\x90", "a Windows executable"),
        (b"\x7fELF\2", "a Linux executable"),
        (b"\xcf\xfa\xed\xfe\7", "a macOS executable"),
        (b"PK\3\4", "a zip archive"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (b"#!/bin/sh", "a script"),
        (b"\n <!DOCTYPE html>", PAGE), (b"<html>", PAGE), (b"<?xml", PAGE), (b"<HEAD>", PAGE),
        (b' {"error": "x"}\n', 'JSON, perhaps an error: {"error": "x"}'),
        (b"[" + b"1" * 200, "JSON, perhaps an error: [" + "1" * 119),
        (b"{\xff}", "JSON, perhaps an error: {�}"),
        (b"\x40\0\0\0\0\0\0\0{", "a safetensors model"),
        (b'\x40\0\0\0\0\0\0\0{"a"', "a safetensors model"),
        (b"\x40\0\0\0\0\0\0\0", "a file of unknown kind"),
        (b"\x40\0\0\0\0\0\0{\0", "a file of unknown kind"),
        (bytes(20), "nothing but zeros: the download was not finished"),
        (b"\0\0\1\0", "a file of unknown kind"),
        (b"\0x\0", "a file of unknown kind"),
    ],
)  # fmt: skip
def test_what_it_is(head: bytes, words: str) -> None:
    """The first bytes tell."""
    assert describe(head) == words
