"""Examining a model server before its first start (L3, L5)."""

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import gguf as reference
import numpy as np
import pytest

from frostline_runtime.artifact.locations import Locations
from frostline_runtime.artifact.manifest import Resource
from frostline_runtime.model import llamafile, preparation
from frostline_runtime.model.llamafile import ModelServerError, ServerFiles

pytestmark = [
    pytest.mark.product("L3"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts"),
]


def locations(folder: Path) -> Locations:
    """Return the locations of an artifact that fetches into *folder*."""
    return Locations(bundle=folder, storage=folder, data=folder, state=folder)


def script(path: Path, text: str) -> Path:
    """Write an executable script."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def model(path: Path) -> Path:
    """Write a small model."""
    writer = reference.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_tensor("t", np.ones((4, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def examine(files: ServerFiles, folder: Path) -> tuple[llamafile.PreparedServer, list[str]]:
    """Return the examined server and the messages."""
    said: list[str] = []
    return preparation.examine(files, folder / "own", dict(os.environ), said.append), said


def test_a_server_and_its_model(tmp_path: Path) -> None:
    """The executable is asked for its version in its own home; the model is checked."""
    server = script(tmp_path / "s", '#!/bin/sh\necho "llamafile v0.8.6"\necho "$HOME" >&2\n')
    found, said = examine(ServerFiles(server, model(tmp_path / "m.gguf")), tmp_path)
    assert (found.version, found.shell) == ((0, 8, 6), False)
    assert said == [
        "model: m.gguf: tiny llama, 0.0 MB", "model server: s: llamafile v0.8.6",
    ]  # fmt: skip
    assert set(found.seen) == {str(server), str(tmp_path / "m.gguf")}


def test_an_ape_needs_a_shell(tmp_path: Path) -> None:
    """The kernel cannot execute an APE, /bin/sh can."""
    ape = script(tmp_path / "s", "MZqFpD='\n'\necho llamafile v0.10.5\n")
    found, _ = examine(ServerFiles(ape), tmp_path)
    assert found.shell
    assert found.version == (0, 10, 5)
    with pytest.raises(OSError, match="Exec format error"):
        os.execv(ape, [str(ape)])  # noqa: S606  # it cannot succeed


@pytest.mark.parametrize(
    "text", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho no number\n", "#!/bin/sh\nexec sleep 60\n"]
)
def test_an_unknown_version(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that prints no version, or does not end, has an unknown one."""
    monkeypatch.setattr(preparation, "VERSION_TIMEOUT", 0.3)
    assert examine(ServerFiles(script(tmp_path / "s", text)), tmp_path)[0].version == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GGUF\3\0\0\0", "s is not a model server but a GGUF model"),
        (b"<!DOCTYPE html>", "s is not a model server but a web page"),
        (b"", "s is not a model server but an empty file"),
    ],
)
def test_not_a_server(content: bytes, reason: str, tmp_path: Path) -> None:
    """For a file that is no server the message says what kind of file it is."""
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(ModelServerError, match=reason):
        examine(ServerFiles(tmp_path / "s"), tmp_path)


def test_a_server_for_another_machine(tmp_path: Path) -> None:
    """A file that cannot be executed raises ModelServerError."""
    (tmp_path / "s").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(100))
    (tmp_path / "s").chmod(0o755)
    with pytest.raises(ModelServerError, match="cannot be started: Exec format error"):
        examine(ServerFiles(tmp_path / "s"), tmp_path)


def test_an_incomplete_model(tmp_path: Path) -> None:
    """An incomplete model raises ModelServerError before the server is started."""
    server = script(tmp_path / "s", "#!/bin/sh\n")
    whole = model(tmp_path / "m.gguf").read_bytes()
    (tmp_path / "m.gguf").write_bytes(whole[:-200])
    with pytest.raises(ModelServerError, match=r"m\.gguf is incomplete: it has"):
        examine(ServerFiles(server, tmp_path / "m.gguf"), tmp_path)


@pytest.mark.product("L2")
def test_a_file_that_cannot_be_fetched(tmp_path: Path) -> None:
    """A failed download raises UnavailableError, because a later attempt may succeed."""
    resource = Resource(name="m", urls=(str(tmp_path / "nothing"),), destination="m.gguf")
    files = ServerFiles(script(tmp_path / "s", "#!/bin/sh\n"), tmp_path / "m.gguf", (resource,))
    with pytest.raises(preparation.UnavailableError, match="m could not be fetched"):
        preparation.prepare(files, {}, locations(tmp_path), bool)


@pytest.mark.product("L2")
def test_missing_files_are_fetched(tmp_path: Path) -> None:
    """Missing files are fetched with progress, and a message if size and hash are unknown."""
    source = model(tmp_path / "source.gguf")
    resource = Resource(
        name="m", urls=(source.as_uri(),), destination="models/m.gguf", unverified="no figures yet"
    )
    place = tmp_path / "models" / "m.gguf"
    files = ServerFiles(script(tmp_path / "s", "#!/bin/sh\necho v0.10.1\n"), place, (resource,))
    said: list[str] = []
    found = preparation.prepare(files, dict(os.environ), locations(tmp_path), said.append)
    size = source.stat().st_size
    assert said[:2] == [
        "m is not verified: no figures yet", f"m: {size} of {size} bytes (100 %)"
    ]  # fmt: skip
    assert place.read_bytes() == source.read_bytes()
    assert (
        llamafile.recall(
            ServerFiles(files.executable, place), locations(tmp_path).state / llamafile.FOLDER
        )
        == found
    )


@pytest.mark.product("L5")
def test_windows_starts_no_file_over_4_gb(tmp_path: Path) -> None:
    """Over 4 GB the message says what to do; with a base, the big file becomes its model."""
    big = tmp_path / "big.llamafile"
    with big.open("wb") as file:
        file.truncate(4 * 1024**3)
    with pytest.raises(ModelServerError, match=r"over 4 GB, .*name a base llamafile"):
        preparation.for_windows(ServerFiles(big), tmp_path)
    base = script(tmp_path / "base.exe", "x")
    assert preparation.for_windows(ServerFiles(big, base=base), tmp_path) == (base, big)
    own = ServerFiles(big, tmp_path / "m.gguf", base=base)
    assert preparation.for_windows(own, tmp_path) == (base, tmp_path / "m.gguf")


@pytest.mark.product("L5")
def test_windows_wants_a_suffix(tmp_path: Path) -> None:
    """A file without .exe gets a second name, not a second copy."""
    named, unnamed = script(tmp_path / "a.exe", "x"), script(tmp_path / "b", "y")
    assert preparation.for_windows(ServerFiles(named), tmp_path) == (named, None)
    found, _ = preparation.for_windows(ServerFiles(unnamed), tmp_path)
    assert found.name == "b.exe"
    assert found.samefile(unnamed)
    assert preparation.for_windows(ServerFiles(unnamed), tmp_path)[0] == found


def test_an_executable_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder mounted noexec is skipped; without another one it raises."""
    assert preparation.executable_folder(tmp_path) == tmp_path / "tmp"
    flags = {tmp_path / "tmp": 8, Path(tempfile.gettempdir()): 0}
    monkeypatch.setattr(preparation, "_NOEXEC", 8)
    monkeypatch.setattr(
        preparation, "_STATVFS", lambda folder: SimpleNamespace(f_flag=flags[folder])
    )
    assert preparation.executable_folder(tmp_path) == Path(tempfile.gettempdir())
    flags[Path(tempfile.gettempdir())] = 9
    with pytest.raises(ModelServerError, match="may hold programs"):
        preparation.executable_folder(tmp_path)


def test_an_ordinary_executable(tmp_path: Path) -> None:
    """An ordinary executable is started without a shell."""
    found, said = examine(ServerFiles(Path(sys.executable).resolve()), tmp_path)
    assert not found.shell
    assert found.version[0] == 3
    assert said[0].startswith("model server: python")
