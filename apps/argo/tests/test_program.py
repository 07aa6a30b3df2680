"""The program itself, as a process."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from apps.argo.tests.conftest import ModelServer


def start(arguments: list[str], variables: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start Python with *arguments* and *variables*, its log as text in one pipe."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.product("A6")
def test_serves_with_the_file_of_the_storage_folder(tmp_path: Path, model: "ModelServer") -> None:
    """The program serves on the port it names, with the model server that `.env` names."""
    (tmp_path / ".env").write_text(f"OPENAI_BASE_URL={model.url}\n", encoding="utf-8")
    variables = {"ARGO_STORAGE_PATH": str(tmp_path), "ARGO_PORT": "0"}
    with start(["-m", "argo"], variables) as process:
        assert process.stdout is not None
        addresses = (re.search(r"http://[\d.:]+", line) for line in process.stdout)
        address = next(found[0] for found in addresses if found)
        health = httpx.get(f"{address}/health")
        process.terminate()
        process.stdout.read()
    assert health.json()["status"] == "ok"


@pytest.mark.product("A10")
def test_unusable_database_stops_the_start(tmp_path: Path) -> None:
    """A database that cannot be migrated ends the program, and the log says which and why."""
    (tmp_path / "argo.db").write_bytes(b"this is no database at all" * 100)
    variables = {"ARGO_STORAGE_PATH": str(tmp_path), "ARGO_PORT": "0"}
    with start(["-m", "argo"], variables) as process:
        log, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert f"the database {tmp_path / 'argo.db'} cannot be migrated, argo stops: " in log
    assert "file is not a database" in log


def test_import_has_no_effects(tmp_path: Path) -> None:
    """Importing the app reads no settings, makes no folder, and leaves tiktoken for later."""
    code = "import argo.app, sys; sys.exit('tiktoken' in sys.modules)"
    variables = {"ARGO_STORAGE_PATH": str(tmp_path / "storage"), "ARGO_PORT": "wrong"}
    with start(["-c", code], variables) as process:
        log, _ = process.communicate(timeout=30)
    assert (process.returncode, log) == (0, "")
    assert not (tmp_path / "storage").exists()
