"""Llamafiles are packed so that every system can map them, and can be read again (row L8)."""

import shutil
import zipfile
from pathlib import Path

import gguf as reference
import numpy as np
import pytest

from frostline.core.errors import StorageError, UsageError
from frostline.llamafile import pack as packing
from frostline_runtime.model import ape

pytestmark = pytest.mark.product("L8")
APE = b"MZqFpD='\n'\nexit 0\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a base without a model but with a file inside, as real ones have."""
    path = tmp_path / "base"
    path.write_bytes(APE)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("usr/share/zoneinfo/UTC", "UTC")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a small model."""
    path = tmp_path / "m.gguf"
    writer = reference.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_tensor("t", np.ones((64, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_there_and_back(base: Path, model: Path, tmp_path: Path) -> None:
    """Members are stored and aligned after the base's own; any ZIP reader finds them."""
    out = tmp_path / "new" / "x.llamafile"
    found = packing.pack(model, base, ("-m", "/zip/m.gguf", "..."), out)
    assert found.kind == "ape"
    assert found.arguments == ("-m", "/zip/m.gguf", "...")
    (member,) = found.models
    assert (member.name, member.size) == ("m.gguf", model.stat().st_size)
    assert member.mappable
    assert member.offset % ape.ALIGNMENT == 0
    data = out.read_bytes()
    assert data[member.offset : member.offset + member.size] == model.read_bytes()
    assert data.startswith(APE)
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["usr/share/zoneinfo/UTC", "m.gguf", ".args"]
    assert out.stat().st_mode & 0o111
    held = packing.contents(out)
    assert (held.models[0].title, held.models[0].architecture) == ("tiny", "llama")
    assert held.models[0].problem == ""


def test_the_same_files_give_the_same_bytes(base: Path, model: Path, tmp_path: Path) -> None:
    """Packing is reproducible."""
    first, second = tmp_path / "a.llamafile", tmp_path / "elsewhere" / "b.llamafile"
    packing.pack(model, base, ("-m",), first)
    model.touch()
    packing.pack(model, base, ("-m",), second)
    assert first.read_bytes() == second.read_bytes()


def test_a_base_that_carries_nothing_yet(model: Path, tmp_path: Path) -> None:
    """An executable without a ZIP archive gets one."""
    base = tmp_path / "base"
    base.write_bytes(b"\x7fELF" + bytes(100_000))
    (member,) = packing.pack(model, base, (), tmp_path / "x").models
    assert member.mappable


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((0, 8, 6), ("-m", "m.gguf", "-c", "5", "...")),
        ((0, 10, 0), ("-m", "/zip/m.gguf", "-c", "5", "...")),
        ((), ("-m", "/zip/m.gguf", "-c", "5", "...")),
    ],
)
def test_arguments_by_version(version: tuple[int, ...], expected: tuple[str, ...]) -> None:
    """The user's arguments come last, unless `...` places them."""
    assert packing.arguments_of(Path("x/m.gguf"), ("-c", "5"), version) == expected
    placed = packing.arguments_of(Path("m.gguf"), ("...", "-c"), version)
    assert placed[2:] == ("...", "-c")


def test_what_cannot_be_packed(base: Path, model: Path, tmp_path: Path) -> None:
    """Each refusal has its reason; nothing is left behind."""
    out = tmp_path / "x.llamafile"
    text = tmp_path / "text"
    text.write_text("hello", encoding="utf-8")
    with pytest.raises(UsageError, match="text is not an executable"):
        packing.pack(model, text, (), out)
    with pytest.raises(UsageError, match="text is not a GGUF model"):
        packing.pack(text, base, (), out)
    with pytest.raises(UsageError, match="No such file"):
        packing.pack(tmp_path / "no.gguf", base, (), out)
    packing.pack(model, base, (), out)
    with pytest.raises(UsageError, match="already contains a model or arguments"):
        packing.pack(model, out, (), tmp_path / "y")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "base", "m.gguf", "text", "x.llamafile",
    ]  # fmt: skip


def test_no_room(base: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing space is reported before anything is copied."""
    used = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: used._replace(free=1000))
    with pytest.raises(StorageError, match=r"needs \d+ bytes, but only 1000 are free"):
        packing.pack(model, base, (), tmp_path / "x")


def test_what_is_no_llamafile(tmp_path: Path, model: Path) -> None:
    """Models are read, too; other files and broken models are reported."""
    assert packing.contents(model).models[0].title == "tiny"
    page = tmp_path / "page"
    page.write_text("<!DOCTYPE html>", encoding="utf-8")
    with pytest.raises(UsageError, match="neither a llamafile nor a model, but a web page"):
        packing.contents(page)
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.read_bytes()[:-1000])
    assert "is incomplete" in packing.contents(cut).models[0].problem
