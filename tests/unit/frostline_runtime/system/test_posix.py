"""Functions for Linux and macOS, against a fake kernel."""

import os
import signal
import sys
from pathlib import Path

import pytest

assert sys.platform != "win32"

from frostline_runtime.system import posix


class Kernel:
    """Processes that fork while they are not stopped, and end when they are killed."""

    def __init__(self, pids: set[int], forks: int) -> None:
        self.alive = set(pids)
        self.stopped: set[int] = set()
        self.forks = forks
        self.sent: list[tuple[int, signal.Signals]] = []

    def tagged(self) -> tuple[int, ...]:
        """Return the living processes; those that are not stopped fork."""
        for pid in self.alive - self.stopped:
            if self.forks:
                self.forks -= 1
                self.alive.add(pid + 100)
        return tuple(sorted(self.alive))

    def send(self, pid: int, number: signal.Signals) -> None:
        """Deliver a signal."""
        self.sent.append((pid, number))
        if number is signal.SIGSTOP:
            self.stopped.add(pid)
        elif pid % 1000 != 999:  # that one cannot be killed
            self.alive.discard(pid)


def test_all_are_stopped_before_any_is_killed() -> None:
    """A process cannot escape by forking."""
    kernel = Kernel({1, 2}, forks=5)
    assert posix.sweep(kernel.tagged, kernel.send) == ()
    numbers = [number for _, number in kernel.sent]
    first_kill = numbers.index(signal.SIGKILL)
    assert {pid for pid, _ in kernel.sent[:first_kill]} >= {1, 2}
    assert kernel.alive == set()


def test_processes_that_cannot_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that cannot be killed are returned after a time limit."""
    monkeypatch.setattr(posix, "_UNTIL_KILLED", 0.02)
    kernel = Kernel({7, 999}, forks=0)
    assert posix.sweep(kernel.tagged, kernel.send) == (999,)


def test_one_holder_of_a_lock(tmp_path: Path) -> None:
    """A second process is refused until the first has closed it."""
    path = tmp_path / "lock"
    first = posix.lock(path)
    assert first is not None
    assert posix.lock(path) is None
    os.close(first)
    second = posix.lock(path)
    assert second is not None
    os.close(second)
