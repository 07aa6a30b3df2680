"""Asking the index through uv, with a program in its place."""

import sys
from pathlib import Path

import pytest

from frostline.core.errors import FetchError, HostError
from frostline.source import index

ANSWER = """\
lock-version = "1.0"
created-by = "uv"
packages = [
  { name = "old", version = "1", sdist = { url = "http://x/old-1.zip", hashes = { sha256 = "0" }} },
  { name = "new", version = "1", wheels = [
    { url = "https://x/new-1-py3-none-any.whl", hashes = { sha256 = "11" } },
    { url = "https://x/new-1-cp311-abi3-win_amd64.whl", hashes = { sha256 = "22" } },
    { url = "https://x/new-1-cp312-abi3-win_amd64.whl", hashes = { md5 = "33" } },
  ] },
]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="uses shell scripts as programs")
def test_what_uv_answers(tmp_path: Path) -> None:
    """Wheels by their SHA-256; without uv, or if it fails, the error says what to do."""
    lock, log_file, environ = tmp_path / "lock.txt", tmp_path / "log", {"PATH": str(tmp_path)}
    lock.touch()
    with pytest.raises(HostError, match=r"uv is not on PATH.*lock\.txt") as absent:
        index.wheels(lock, "3.11", environ=environ, log_file=log_file)
    assert "install uv" in absent.value.hint
    uv = tmp_path / "uv"
    script = f'#!/bin/sh\necho "$@" >&2\necho \'{ANSWER}\'$UV_ADDS\ntest -z "$UV_FAILS"\n'
    uv.write_text(script, encoding="utf-8")
    uv.chmod(0o755)
    found = index.wheels(lock, "3.11", environ=environ, log_file=log_file)
    assert found == {"11": "new-1-py3-none-any.whl", "22": "new-1-cp311-abi3-win_amd64.whl"}
    assert f"--python-version 3.11 --format pylock.toml {lock}\n" in log_file.read_text("utf-8")
    with pytest.raises(FetchError, match=r"uv could not ask the index .*lock\.txt"):
        index.wheels(lock, "3.11", environ=environ | {"UV_FAILS": "1"}, log_file=log_file)
    with pytest.raises(FetchError, match=r"answer about lock\.txt cannot be read") as unreadable:
        index.wheels(lock, "3.11", environ=environ | {"UV_ADDS": "["}, log_file=log_file)
    assert str(log_file) in unreadable.value.hint
