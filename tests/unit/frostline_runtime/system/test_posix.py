"""What Linux and macOS share, against a fake kernel."""

import os
import signal
import sys
from pathlib import Path

import pytest

assert sys.platform != "win32"

from frostline_runtime.system import posix


class Kernel:
    """Processes that fork when they are alone and awake, and die when killed."""

    def __init__(self, pids: set[int], forks: int) -> None:
        self.alive = set(pids)
        self.stopped: set[int] = set()
        self.forks = forks
        self.sent: list[tuple[int, signal.Signals]] = []

    def tagged(self) -> tuple[int, ...]:
        """Return who is alive; each that is awake forks meanwhile."""
        for pid in self.alive - self.stopped:
            if self.forks:
                self.forks -= 1
                self.alive.add(pid + 100)
        return tuple(sorted(self.alive))

    def send(self, pid: int, number: signal.Signals) -> None:
        """Take a signal."""
        self.sent.append((pid, number))
        if number is signal.SIGSTOP:
            self.stopped.add(pid)
        elif pid % 1000 != 999:  # that one cannot be killed
            self.alive.discard(pid)


def test_all_are_stopped_before_any_is_killed() -> None:
    """One that forks faster than it dies does not win."""
    kernel = Kernel({1, 2}, forks=5)
    assert posix.sweep(kernel.tagged, kernel.send) == ()
    numbers = [number for _, number in kernel.sent]
    first_kill = numbers.index(signal.SIGKILL)
    assert {pid for pid, _ in kernel.sent[:first_kill]} >= {1, 2}
    assert kernel.alive == set()


def test_who_cannot_be_killed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep has an end."""
    monkeypatch.setattr(posix, "_UNTIL_KILLED", 0.02)
    kernel = Kernel({7, 999}, forks=0)
    assert posix.sweep(kernel.tagged, kernel.send) == (999,)


def test_one_holder_of_a_lock(tmp_path: Path) -> None:
    """A second one is refused until the first lets go."""
    path = tmp_path / "lock"
    first = posix.lock(path)
    assert first is not None
    assert posix.lock(path) is None
    os.close(first)
    second = posix.lock(path)
    assert second is not None
    os.close(second)
