"""Tokens: counted offline with argo's own encoding, which a build step makes."""

import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tiktoken
from argo.tokens import load_encoding
from tiktoken import registry

if TYPE_CHECKING:
    from apps.argo.tests.conftest import Argo

TOOL = Path(__file__).parents[1] / "tools" / "make_encoding.py"


@pytest.fixture(autouse=True)
def forget_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test load the encoding anew."""
    load_encoding.cache_clear()
    monkeypatch.setattr(registry, "ENCODINGS", {})


def make_encoding(folder: Path) -> Path:
    """Run the build step, which writes to *folder*; return the file it made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(TOOL), str(folder)])
        runpy.run_path(str(TOOL), run_name="__main__")
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the build step makes."""
    return make_encoding(tmp_path_factory.mktemp("build") / "made" / "cache")


@pytest.mark.product("A8")
def test_counts_from_the_cache(argo: "Argo", built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the built cache, tokens are counted without a network."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(built.parent))
    response = argo.post("/api/tokens", json={"text": "a little water"})
    assert response.json() == {"count": 3, "encoding": "argo_chat"}


@pytest.mark.product("A8")
def test_any_text_survives(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text can be encoded and decoded, special tokens and rare letters included."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(built.parent))
    encoding: tiktoken.Encoding = load_encoding()
    text = "<|endoftext|> naïve 日本\n\n\t 12345\x00"
    assert encoding.decode(encoding.encode_ordinary(text)) == text


def test_build_step_is_deterministic(built: Path, tmp_path: Path) -> None:
    """Two builds give the same file, in which each rank and each token occurs once."""
    again = make_encoding(tmp_path)
    assert (again.name, again.read_bytes()) == (built.name, built.read_bytes())
    lines = [line.split() for line in built.read_bytes().splitlines()]
    assert [int(rank) for _, rank in lines] == list(range(956))
    assert len({token for token, _ in lines}) == 956


@pytest.mark.product("A8")
@pytest.mark.parametrize("folder", [None, "", "empty"])
def test_missing_cache_is_503(
    argo: "Argo", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str | None
) -> None:
    """Without the cache argo says so at once and never asks the network."""
    monkeypatch.chdir(tmp_path)
    if folder is not None:
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", folder)
    response = argo.post("/api/tokens", json={"text": "Hi"})
    assert (response.status_code, response.json()["service"]) == (503, "tokens")
    assert "encoding file missing" in response.json()["detail"]


def test_damaged_cache_is_503(
    argo: "Argo", built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged cache is reported and left in place; a good one is used as soon as it is there."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    file = tmp_path / built.name
    file.write_bytes(b"no rank\n")
    response = argo.post("/api/tokens", json={"text": "Hi"})
    assert (response.status_code, response.json()["service"]) == (503, "tokens")
    file.write_bytes(built.read_bytes())
    assert argo.post("/api/tokens", json={"text": "Hi"}).status_code == 200
