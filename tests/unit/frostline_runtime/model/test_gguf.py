"""The GGUF reader: real models, truncated and malicious ones, other files (row L3)."""

import io
import random
import re
import struct
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import gguf as reference
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frostline_runtime.model import gguf
from frostline_runtime.model.gguf import GgufError, Model, check, parse, read

pytestmark = pytest.mark.product("L3")


def written(path: Path, kind: reference.GGMLQuantizationType | None = None) -> Path:
    """Write a small model with the reference writer."""
    writer = reference.GGUFWriter(path, "llama")
    writer.add_name("tiny ü")
    writer.add_context_length(512)
    writer.add_token_list(["a", "b", "c"])
    writer.add_token_scores([0.5, 0.25, 0.125])
    writer.add_float32("some.float", 0.5)
    writer.add_bool("some.bool", val=True)
    writer.add_string("long", "x" * 5000)
    writer.add_tensor("token_embd.weight", np.ones((4, 64), dtype=np.float32))
    data = np.zeros((2, 34), dtype=np.uint8) if kind else np.ones(3, dtype=np.float16)
    writer.add_tensor("output.weight", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small real model."""
    return written(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def head(version: int = 3, tensors: int = 0, pairs: int = 0) -> bytes:
    """Return the first bytes of a model."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs)


def text(value: bytes) -> bytes:
    """Return a string as GGUF writes it."""
    return struct.pack("<Q", len(value)) + value


def parsed(data: bytes) -> Model:
    """Return the model in *data*."""
    return parse(io.BytesIO(data), len(data), "m.gguf")


def test_a_real_model(model: Path) -> None:
    """Name, architecture, context and completeness come from the header."""
    found = check(model)
    assert (found.name, found.architecture, found.context) == ("tiny ü", "llama", 512)
    assert found.size == model.stat().st_size
    assert found.needed is not None
    assert found.size - 32 < found.needed <= found.size  # the writer pads the end


def test_quantised_tensors(tmp_path: Path) -> None:
    """The size counts blocks, not elements."""
    found = check(written(tmp_path / "q.gguf", reference.GGMLQuantizationType.Q8_0))
    assert found.needed is not None
    assert found.size - 32 < found.needed <= found.size


def test_block_sizes_are_those_of_the_reference() -> None:
    """The block sizes are those of the reference implementation."""
    theirs = {int(kind): sizes for kind, sizes in reference.GGML_QUANT_SIZES.items()}
    assert {kind: theirs[kind] for kind in gguf._BLOCKS} == gguf._BLOCKS


def test_truncated_anywhere(model: Path, tmp_path: Path) -> None:
    """Wherever it is cut, it is incomplete: never complete, never another error."""
    whole = model.read_bytes()
    needed = read(model).needed
    assert needed
    cut = tmp_path / "cut.gguf"
    for length in [*range(4, 1200, 7), needed - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(GgufError, match=r"cut\.gguf is (incomplete|damaged)"):
            check(cut)
    cut.write_bytes(whole[: needed - 1])
    with pytest.raises(GgufError, match=f"it has {needed - 1} of at least {needed} bytes"):
        check(cut)


def test_an_unknown_tensor_type(model: Path, tmp_path: Path) -> None:
    """With an unknown tensor type the size is unknown, so completeness is not checked."""
    data = bytearray(model.read_bytes())
    at = data.index(b"output.weight") + len(b"output.weight") + 4 + 8
    assert struct.unpack_from("<I", data, at) == (1,)
    struct.pack_into("<I", data, at, 99)
    changed = tmp_path / "new.gguf"
    changed.write_bytes(data[:-40])
    assert check(changed).needed is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"\n <html>", "a web page"),
        (b'{"error":"gated"}', 'JSON, perhaps an error: {"error":"gated"}'),
        (b"MZqFpD='\n", "an executable for all systems, such as a llamafile"),
        (b"PK\3\4", "a zip archive"),
        (b"ggjt", "of an old format"),
        (b"\x10\0\0\0\0\0\0\0{", "a safetensors model"),
        (b"\0" * 64, "nothing but zeros"),
        (b"FUGG", "of the other byte order"),
        (b"hello there", "of unknown kind"),
    ],
)
def test_other_files(data: bytes, reason: str) -> None:
    """For another file the message says what kind of file it is."""
    with pytest.raises(GgufError, match=re.escape(reason)):
        parsed(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (head(version=1), "version 1, which nothing reads"),
        (head(version=4), "version 4: this artifact reads 2 and 3"),
        (head(version=0x03000000), "other byte order"),
        (head(tensors=2**60), "damaged: it claims 1152921504606846976 tensors"),
        (head(pairs=2**60), "damaged: it claims 1152921504606846976 entries"),
        (head(pairs=1) + struct.pack("<Q", 2**62) + b"x" * 99, "a name of 4611686018427387904"),
        (head(pairs=1) + text(b"a") + struct.pack("<I", 77) + bytes(9), "a value of type 77"),
        (head(pairs=1) + text(b"a") + struct.pack("<IIQ", 9, 9, 1), "an array of type 9"),
        (head(pairs=1) + text(b"a") + struct.pack("<IIQ", 9, 8, 2**50), "strings"),
        (head(pairs=1) + text(b"a") + struct.pack("<IIQ", 9, 0, 2**63), "ends within its own"),
        (head(pairs=1) + text(b"a") + struct.pack("<IQ", 8, 2**63), "ends within its own"),
        (head(tensors=1) + text(b"t") + struct.pack("<I", 9) + bytes(99), "of 9 dimensions"),
        (head(tensors=1) + text(b"t" * 65) + bytes(99), "a name of 65 bytes"),
        (
            head(tensors=1) + text(b"t") + struct.pack("<IQIQ", 1, 33, 8, 0) + bytes(99),
            "ends within a block",
        ),
        (
            head(pairs=1) + text(b"general.alignment") + struct.pack("<II", 4, 0),
            "its alignment is 0",
        ),
    ],
)
def test_malicious_headers(data: bytes, reason: str) -> None:
    """Every length is checked against the size of the file."""
    with pytest.raises(GgufError, match=re.escape(reason)):
        parsed(data)


def test_many_strings_are_bounded(tmp_path: Path) -> None:
    """A sparse file of a terabyte is refused quickly."""
    path = tmp_path / "bomb.gguf"
    with path.open("wb") as file:
        file.write(head(pairs=1) + text(b"a") + struct.pack("<IIQ", 9, 8, 2**36))
        file.truncate(2**40)
    with pytest.raises(GgufError, match=r"claims \d+ strings"):
        read(path)


def test_all_parts_must_be_there(model: Path, tmp_path: Path) -> None:
    """A model in several files is complete when each of them is."""
    names = [f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    for name in names[:2]:
        (tmp_path / name).write_bytes(model.read_bytes())
    with pytest.raises(GgufError, match=f"several parts, and {names[2]} is missing"):
        check(tmp_path / names[0])
    (tmp_path / names[2]).write_bytes(model.read_bytes()[:-200])
    with pytest.raises(GgufError, match=f"{names[2]} is incomplete"):
        check(tmp_path / names[0])
    (tmp_path / names[2]).write_bytes(model.read_bytes())
    assert check(tmp_path / names[0]).name == "tiny ü"


@given(st.binary(max_size=4096), st.booleans())
def test_any_bytes(data: bytes, as_model: bool) -> None:  # noqa: FBT001  # hypothesis fills it
    """Any input is a model or raises GgufError."""
    _never_worse(head(tensors=2, pairs=3) + data if as_model else data)


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_damaged_models(model: Path, seed: int, changes: int) -> None:
    """A real header with changed bytes is a model or raises GgufError."""
    chance, data = random.Random(seed), bytearray(model.read_bytes())
    for _ in range(changes):
        data[chance.randrange(len(data) - 1)] = chance.choice([0, 1, 8, 9, 127, 255])
    _never_worse(bytes(data))


def _never_worse(data: bytes) -> None:
    tracemalloc.start()
    began = time.process_time()
    with suppress(GgufError):
        assert parsed(data).size == len(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000 + 4 * len(data)
    assert time.process_time() - began < 5.0
