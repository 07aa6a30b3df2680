"""What Linux tells about real processes."""

import os
import subprocess
import sys

import pytest

assert sys.platform == "linux"

from frostline_runtime.system import linux


def test_usage_of_a_process() -> None:
    """Memory and processor time agree with those that Python tells."""
    found = linux.usage(os.getpid())
    assert found
    memory, seconds = found
    assert memory > 5_000_000
    assert seconds == pytest.approx(sum(os.times()[:2]), abs=0.5)
    assert linux.usage(2**22 + 1) is None


def test_zombies() -> None:
    """Dead children are counted until they are waited for."""
    before = linux.zombies(os.getpid())
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert linux.zombies(os.getpid()) == before + 1
    assert linux.started(child.pid) == ""
    child.wait()
    assert linux.zombies(os.getpid()) == before


def test_when_a_process_was_started() -> None:
    """The time is stable while the process lives, and "" afterwards."""
    child = subprocess.Popen(["/bin/sleep", "60"])
    assert linux.started(child.pid) == linux.started(child.pid) != ""
    child.kill()
    child.wait()
    assert linux.started(child.pid) == ""
