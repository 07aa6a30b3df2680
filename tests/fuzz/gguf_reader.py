"""Any bytes for the GGUF reader, guided by coverage; `nox -s fuzz`."""

import contextlib
import io
import struct
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from frostline_runtime.model.gguf import GgufError, parse

LONGEST = 16_384


def seeds(folder: Path) -> None:
    """Write heads to begin with: changing bytes at random would not find them soon."""
    name = struct.pack("<Q", 4) + b"name"
    pairs = {
        "string": struct.pack("<IQ", 8, 3) + b"abc",
        "array": struct.pack("<IIQI", 9, 4, 1, 7),
        "strings": struct.pack("<IIQQ", 9, 8, 1, 2) + b"ab",
        "number": struct.pack("<II", 4, 32),
    }
    for kind, value in pairs.items():
        head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
        tensor = name + struct.pack("<IQIQ", 1, 4, 0, 0)
        (folder / kind).write_bytes(head + name + value + tensor + bytes(64))


def read(data: bytes) -> None:
    """Read *data*: there is a model or a clear error, and nothing else is raised."""
    with contextlib.suppress(GgufError):
        parse(io.BytesIO(data), len(data), "m.gguf")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as corpus:
        seeds(Path(corpus))
        options = [f"-max_len={LONGEST}", "-timeout=5", "-rss_limit_mb=512", *sys.argv[1:], corpus]
        atheris.Setup([sys.argv[0], *options], read)
        atheris.Fuzz()
