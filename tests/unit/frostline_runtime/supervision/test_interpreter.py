"""The search for a Python interpreter (rows D4 and X2)."""

import sys
from pathlib import Path

import pytest

from frostline_runtime.supervision import interpreter


def script(path: Path, body: str) -> str:
    """Write an executable shell script and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every interpreter the time that it needs, on a busy machine, too."""
    monkeypatch.setattr(interpreter, "_TIMEOUT", 600.0)


def test_reasons(tmp_path: Path) -> None:
    """Each candidate that does not fit is rejected with a reason."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert interpreter.reject(sys.executable, version, ["json"]) == ""
    assert interpreter.reject(sys.executable, "2.7", []) == f"is {version}, not 2.7"
    assert interpreter.reject(sys.executable, "", ["no_such"]) == "lacks no_such"
    assert "not a Python" in interpreter.reject(script(tmp_path / "b", "echo hello"), "", [])
    assert "No such file" in interpreter.reject(str(tmp_path / "c"), "", [])
    stub = script(tmp_path / "WindowsApps" / "python.exe", "exit 9009")
    assert "Microsoft Store" in interpreter.reject(stub, "", [])


def test_a_candidate_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked with a time limit, and rejected when that is over."""
    monkeypatch.setattr(interpreter, "_TIMEOUT", 0.2)
    silent = script(tmp_path / "a", "exec sleep 60")
    assert interpreter.reject(silent, "", []) == "did not answer within 0.2 s"


def test_order(tmp_path: Path) -> None:
    """FROSTLINE_PYTHON is tried first, then a Python beside the artifact, then PATH."""
    wrong = script(tmp_path / "wrong", "exit 1")
    beside = tmp_path / "bundle" / "python" / "bin" / "python3"
    beside.parent.mkdir(parents=True)
    beside.symlink_to(sys.executable)
    environ = {"FROSTLINE_PYTHON": wrong, "PATH": str(Path(sys.executable).parent)}
    found = interpreter.search("", [], tmp_path / "bundle", environ)
    assert found.found == str(beside)
    assert found.rejected == (f"{wrong}: is not a Python (exit code 1)",)
