"""Describes a file by its first bytes, for error messages."""

_MARKS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"GGUF", "a GGUF model"),
    (b"FUGG", "a GGUF model of the other byte order"),
    (b"ggjt", "a model of an old format (before GGUF)"),
    (b"ggml", "a model of an old format (before GGUF)"),
    (b"lmgg", "a model of an old format (before GGUF)"),
    (b"MZqFpD='", "an executable for all systems, such as a llamafile"),
    (b"MZ", "a Windows executable"),
    (b"\x7fELF", "a Linux executable"),
    (b"\xcf\xfa\xed\xfe", "a macOS executable"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"#!", "a script"),
)
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")


def describe(head: bytes) -> str:
    """Return in words what kind of file begins with *head*."""
    if not head:
        return "an empty file"
    for mark, words in _MARKS:
        if head.startswith(mark):
            return words
    text = head.lstrip().lower()
    if text.startswith(_PAGES):
        return "a web page, perhaps a login or an error"
    if text.startswith((b"{", b"[")):
        shown = head[:120].decode("utf-8", "replace").strip()
        return f"JSON, perhaps an error: {shown}"
    if head[8:9] == b"{":
        return "a safetensors model"
    if not head.strip(b"\0"):
        return "nothing but zeros: the download was not finished"
    return "a file of unknown kind"
