"""Processes and ports on Linux, mostly from /proc."""

import sys

assert sys.platform == "linux"

import contextlib
import ctypes
import functools
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from frostline_runtime.system import posix
from frostline_runtime.system.posix import (
    STOP_SIGNALS,
    Ended,
    can_inherit_sockets,
    kill,
    lock,
    prepare_listener,
    terminate,
)

NAME = "linux"

__all__ = [
    "NAME",
    "STOP_SIGNALS",
    "can_inherit_sockets",
    "guard",
    "kill",
    "lock",
    "main_thread_exited",
    "owns_port",
    "port_owner",
    "prepare_listener",
    "slept",
    "spawn",
    "started",
    "state_folder",
    "sweep",
    "tagged",
    "terminate",
    "usage",
    "watch_process",
    "zombies",
]

_LISTEN = "0A"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None)
_children: dict[int, tuple[subprocess.Popen[bytes], Ended]] = {}
_children_lock = threading.Lock()
_some_child = threading.Event()


def guard(tags: Mapping[str, str], *, with_parent: bool) -> None:
    """Fork: the child goes on, the parent is a guardian that leaves no descendant behind.

    With *with_parent*, stop when the parent process ends: the bootloader.
    """

    def prepare() -> None:
        if with_parent:
            _die_with(os.getppid())

    def end_all() -> None:
        while _end_children():
            time.sleep(0.001)
        sweep(tags)

    posix.guard(adopt=_adopt_orphans, follow=_die_with, prepare=prepare, end_all=end_all)


def _end_children() -> bool:
    """Kill all children, adopted ones too; return False if there were none."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    for pid in _pids():
        if _parent(pid) == os.getpid():
            posix.send(pid, signal.SIGKILL)
    return True


def _adopt_orphans() -> None:
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _die_with(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Get signal *number* when the parent thread ends, at once if *parent* has ended."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def spawn(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    descriptors: Sequence[int],
    ended: Ended,
) -> subprocess.Popen[bytes]:
    """Start *argv*; a thread calls *ended* with its exit code when its group has ended.

    Call it from the main thread only: the kernel kills the child when the thread ends that has
    started it.
    """
    supervisor = os.getpid()

    def prepare() -> None:
        posix.reset_signals()
        _die_with(supervisor, signal.SIGKILL)

    with _children_lock:
        process = posix.popen(argv, environ, cwd, descriptors, prepare)
        _children[process.pid] = (process, ended)
        _some_child.set()
    _start_reaper()
    return process


@functools.cache
def _start_reaper() -> None:
    posix.thread("reaper", _reap_for_ever)


def _reap_for_ever() -> None:
    """Wait for every child that ends, adopted ones too."""
    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            _some_child.clear()
            with _children_lock:
                waiting = bool(_children)
            if not waiting:
                _some_child.wait()
            continue
        if not dead:
            continue
        with _children_lock:
            known = _children.pop(dead.si_pid, None)
        if known:
            posix.reap(*known)
        else:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(dead.si_pid, os.WNOHANG)


def watch_process(pid: int, gone: Callable[[], None]) -> None:
    """Call *gone* from a thread when process *pid* ends, at once if it has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        gone()
        return
    except OSError:  # a kernel before 5.3
        posix.thread("shell", lambda: _poll_process(pid, gone))
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        os.close(descriptor)
        gone()

    posix.thread("shell", wait)


def _poll_process(pid: int, gone: Callable[[], None]) -> None:
    since = started(pid)
    while since and started(pid) == since:
        time.sleep(1.0)
    gone()


def sweep(tags: Mapping[str, str]) -> tuple[int, ...]:
    """Kill all processes of this user with *tags*; return those that cannot be killed."""
    return posix.sweep(lambda: tagged(tags), posix.send)


def tagged(tags: Mapping[str, str]) -> tuple[int, ...]:
    """Return the other processes that were started with *tags* in their environment."""
    wanted = {f"{key}={value}".encode() for key, value in tags.items()}
    found = []
    for pid in _pids():
        if pid == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123  # start-up time
                if wanted <= set(file.read().split(b"\0")):
                    found.append(pid)
        except OSError:  # it has ended, or belongs to another user
            continue
    return tuple(found)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def _stat(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def started(pid: int) -> str:
    """Return when process *pid* was started, in a format of the system, "" if it has ended."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def main_thread_exited(pid: int) -> bool:
    """Tell whether the main thread of *pid* has ended while other threads run."""
    fields = _stat(pid)
    return bool(fields) and fields[0] == "Z"


def usage(pid: int) -> tuple[int, float] | None:
    """Return the memory in bytes and the processor time in seconds that *pid* uses."""
    fields = _stat(pid)
    if not fields:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return int(fields[21]) * os.sysconf("SC_PAGESIZE"), ticks / os.sysconf("SC_CLK_TCK")


def zombies(pid: int) -> int:
    """Return how many zombies *pid* has: dead children that it has not waited for."""
    dead = (fields for each in _pids() if (fields := _stat(each)) and fields[0] == "Z")
    return sum(int(fields[1]) == pid for fields in dead)


def slept() -> float:
    """Return how long the computer was asleep since it was started, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def state_folder(product: str, environ: Mapping[str, str]) -> Path:
    """Return the folder for the state of *product* if its profile names no storage (XDG)."""
    home = environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(home, product)


def port_owner(port: int) -> str | None:
    """Return name and pid of the process that listens on *port*, None if /proc hides it."""
    inodes = _listening_inodes(port)
    for pid in _pids():
        if inodes & _sockets(pid):
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace")
                return f"{name.strip()} (pid {pid})"
    return None


def owns_port(pid: int, port: int) -> bool | None:
    """Tell whether *pid* or a descendant listens on *port*, None if that is unknown."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    family = {pid}
    parents = {candidate: _parent(candidate) for candidate in _pids()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return any(inodes & _sockets(member) for member in family)


def _sockets(pid: int) -> set[str]:
    folder = f"/proc/{pid}/fd"
    found = set()
    with contextlib.suppress(OSError):  # it has ended, or belongs to another user
        for name in os.listdir(folder):  # noqa: PTH208  # start-up time
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
    return found


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
