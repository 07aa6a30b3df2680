"""Reads the header of a GGUF model, and checks whether the file is complete.

The layout is that of the GGUF specification (ggml, docs/gguf.md), versions 2 and 3. Only the
header is read, and every length in it is checked against the size of the file.
"""

import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

from frostline_runtime.download.filetypes import describe

MAGIC = b"GGUF"
SUFFIX = ".gguf"
_HEAD = 256
_VERSIONS = (2, 3)
_OLD = 1
_STRING, _ARRAY = 8, 9
# Bytes of a metadata value by type; strings and arrays store their length.
_VALUE_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_INTEGERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 10: "<Q", 11: "<q"}
# Elements and bytes of a block, by ggml's number of the tensor type.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4),
    27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
    39: (32, 17),
}  # fmt: skip
_MOST_DIMENSIONS = 4
_LONGEST_NAME = 64
_LONGEST_KEY = 65_535
_LONGEST_TEXT = 4096  # longer strings are skipped
# More than any vocabulary has; limits the time for a malicious header.
_MOST_STRINGS = 4_000_000
_MOST_PAIRS = 100_000
_MOST_TENSORS = 1_000_000
_SMALLEST_PAIR = 8 + 1 + 4 + 1
_SMALLEST_TENSOR = 8 + 4 + 8 + 4 + 8
_DEFAULT_ALIGNMENT = 32
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")

Value = str | int


class GgufError(Exception):
    """The file is not a complete model; the message says what it is or what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What the header of a model says.

    A complete file has *needed* bytes, None if a tensor has an unknown type. *metadata* has the
    whole numbers and the short strings.
    """

    size: int
    needed: int | None
    metadata: Mapping[str, Value] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """Return the architecture of the model, such as `llama`."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """Return the name of the model, "" if it has none."""
        return str(self.metadata.get("general.name", ""))

    @property
    def context(self) -> int:
        """Return the context length in tokens, 0 if it is not given."""
        length = self.metadata.get(f"{self.architecture}.context_length", 0)
        return length if isinstance(length, int) else 0


def read(path: Path) -> Model:
    """Return the model in *path*, complete or not.

    Raises GgufError if it is not a model, OSError if it cannot be read.
    """
    with path.open("rb") as file:
        return parse(file, os.fstat(file.fileno()).st_size, path.name)


def check(path: Path) -> Model:
    """Return the model in *path* after checking that all its parts are complete.

    Raises GgufError, OSError.
    """
    model = read(path)
    require_complete(model, path.name)
    for part in _parts(path):
        if not part.is_file():
            message = f"{path.name} is one of several parts, and {part.name} is missing."
            raise GgufError(message)
        if part != path:
            require_complete(read(part), part.name)
    return model


def require_complete(model: Model, name: str) -> None:
    """Raise GgufError if *model* is truncated."""
    if model.needed is not None and model.size < model.needed:
        message = f"{name} is incomplete: it has {model.size} of at least {model.needed} bytes."
        raise GgufError(message)


def _parts(path: Path) -> list[Path]:
    found = _SHARD.fullmatch(path.name)
    if not found:
        return []
    number = int(found[3])
    names = (f"{found[1]}-{part:05}-of-{number:05}{SUFFIX}" for part in range(1, number + 1))
    return [path.with_name(name) for name in names]


def parse(file: BinaryIO, size: int, name: str) -> Model:
    """Return the model at the current position of *file*, *size* bytes long.

    Raises GgufError.
    """
    head = file.read(_HEAD)
    if head[:4] != MAGIC:
        message = f"{name} is not a GGUF model but {describe(head)}."
        raise GgufError(message)
    file.seek(4 - len(head), os.SEEK_CUR)
    source = _Source(file, size - 4, name)
    version = source.number("<I")
    if version not in _VERSIONS:
        raise GgufError(_strange_version(version, name))
    tensors, pairs = source.number("<Q"), source.number("<Q")
    source.require_count(tensors, _SMALLEST_TENSOR, _MOST_TENSORS, "tensors")
    source.require_count(pairs, _SMALLEST_PAIR, _MOST_PAIRS, "entries")
    metadata: dict[str, Value] = {}
    for _ in range(pairs):
        key = source.text(_LONGEST_KEY)
        value = source.value(source.number("<I"))
        if value is not None:
            metadata[key] = value
    ends = [source.tensor_end() for _ in range(tensors)]
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment <= 0:
        message = f"{name} is damaged: its alignment is {alignment}."
        raise GgufError(message)
    described = size - source.left
    data = -(-described // alignment) * alignment
    known = [end for end in ends if end is not None]
    needed: int | None = data + max(known) if known else described
    if len(known) < len(ends):
        needed = None
    return Model(size=size, needed=needed, metadata=metadata)


def _strange_version(version: int, name: str) -> str:
    if version and not version & 0xFFFF:
        return f"{name} was written for machines of the other byte order."
    if version == _OLD:
        return f"{name} is a GGUF model of version 1, which nothing reads any more: convert it."
    return f"{name} is a GGUF model of version {version}: this artifact reads 2 and 3, update it."


class _Source:
    """Reads values from a header; at most *left* bytes remain."""

    def __init__(self, file: BinaryIO, left: int, name: str) -> None:
        self._file = file
        self._name = name
        self._strings = 0
        self.left = left

    def number(self, kind: str) -> int:
        """Return the next number; *kind* is a format of `struct`."""
        found: int = struct.unpack(kind, self._take(struct.calcsize(kind)))[0]
        return found

    def text(self, longest: int) -> str:
        """Return the next string of at most *longest* bytes."""
        length = self.number("<Q")
        if length > longest:
            self._damaged(f"a name of {length} bytes")
        return self._take(length).decode("utf-8", "replace")

    def value(self, kind: int) -> Value | None:
        """Return the next value of GGUF type *kind*, None unless a whole number or short string."""
        if kind in _INTEGERS:
            return self.number(_INTEGERS[kind])
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._array()
        elif kind in _VALUE_SIZES:
            self._skip(_VALUE_SIZES[kind])
        else:
            self._damaged(f"a value of type {kind}")
        return None

    def tensor_end(self) -> int | None:
        """Return where the next tensor ends in the data, None if its type is unknown."""
        self.text(_LONGEST_NAME)
        dimensions = self.number("<I")
        if not dimensions <= _MOST_DIMENSIONS:
            self._damaged(f"a tensor of {dimensions} dimensions")
        sizes = [self.number("<Q") for _ in range(dimensions)]
        kind, offset = self.number("<I"), self.number("<Q")
        if kind not in _BLOCKS:
            return None
        elements = 1
        for size in sizes:
            elements *= size
        block, length = _BLOCKS[kind]
        if (sizes[0] if sizes else 1) % block:
            self._damaged("a tensor that ends within a block")
        return offset + elements // block * length

    def require_count(self, count: int, smallest: int, most: int, what: str) -> None:
        """Raise GgufError unless *count* items of at least *smallest* bytes fit."""
        if count > most or count * smallest > self.left:
            self._damaged(f"{count} {what}")

    def _string(self) -> str | None:
        length = self.number("<Q")
        if length > _LONGEST_TEXT:
            self._skip(length)
            return None
        return self._take(length).decode("utf-8", "replace")

    def _array(self) -> None:
        kind, count = self.number("<I"), self.number("<Q")
        if kind in _VALUE_SIZES:
            self._skip(count * _VALUE_SIZES[kind])
            return
        if kind != _STRING:
            self._damaged(f"an array of type {kind}")
        self._strings += count
        self.require_count(self._strings, 0, _MOST_STRINGS, "strings")
        self.require_count(count, 8, _MOST_STRINGS, "strings")
        for _ in range(count):
            self._skip(self.number("<Q"))

    def _take(self, length: int) -> bytes:
        data = self._file.read(length) if length <= self.left else b""
        if len(data) < length:
            self._cut()
        self.left -= length
        return data

    def _skip(self, length: int) -> None:
        if length > self.left:
            self._cut()
        self._file.seek(length, os.SEEK_CUR)
        self.left -= length

    def _cut(self) -> NoReturn:
        message = f"{self._name} is incomplete: it ends within its own description."
        raise GgufError(message)

    def _damaged(self, what: str) -> NoReturn:
        message = f"{self._name} is damaged: it claims {what}."
        raise GgufError(message)
