"""Processes of the build side: output, exit, interrupts."""

import os
import sys
from pathlib import Path

import pytest
from processes import alive

from frostline.core import command
from frostline.core.errors import BuildError, StorageError


def run(log: Path, code: str) -> tuple[str, ...]:
    """Run the Python *code* to its end."""
    return command.run([sys.executable, "-c", code], log=log, env=dict(os.environ))


def test_output_is_kept_and_told(tmp_path: Path) -> None:
    """The log has both streams, the result the last lines, for any bytes."""
    code = "import sys, os; print('one'); sys.stderr.write('two\\n'); os.write(1, b'\\xff\\n')"
    tail = run(tmp_path / "deep" / "log", code)
    assert set(tail) == {"one", "two", "\\xff"}
    assert set((tmp_path / "deep" / "log").read_text(encoding="utf-8").split()) == set(tail)


def test_failure_has_code_tail_and_log(tmp_path: Path) -> None:
    """The error has the exit code, the last lines and the log's path."""
    with pytest.raises(command.CommandError, match="exit code 3") as caught:
        run(tmp_path / "log", "print('no good'); raise SystemExit(3)")
    assert caught.value.tail == ("no good",)
    assert str(tmp_path / "log") in caught.value.hint


def test_full_disk_is_its_own_kind(tmp_path: Path) -> None:
    """A full disk raises StorageError, not CommandError."""
    with pytest.raises(StorageError, match="disk is full"):
        run(tmp_path / "log", "raise SystemExit('[Errno 28] No space left on device')")


def test_missing_program(tmp_path: Path) -> None:
    """The message names the program."""
    with pytest.raises(BuildError, match="nothing-here cannot be started"):
        command.run([str(tmp_path / "nothing-here")], log=tmp_path / "log", env={})


def test_leaving_the_block_ends_the_group(tmp_path: Path) -> None:
    """A grandchild is ended, too, even if it ignores the interrupt."""
    code = (
        "import subprocess, sys, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print(p.pid, flush=True); p.wait()"
    )
    lines: list[str] = []
    argv = [sys.executable, "-c", code]
    with command.Process(
        argv, log=tmp_path / "log", env=dict(os.environ), on_line=lines.append
    ) as process:
        while not lines:
            assert process.poll() is None
        pids = [process.pid, int(lines[0])]
    assert alive(pids) == []


def test_wait_has_an_end(tmp_path: Path) -> None:
    """A timeout names the program."""
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        command.Process(argv, log=tmp_path / "log", env=dict(os.environ)) as process,
        pytest.raises(TimeoutError, match="did not end within"),
    ):
        process.wait(0.05)
