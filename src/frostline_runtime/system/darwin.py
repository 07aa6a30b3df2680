"""Processes and ports on macOS, through sysctl and libproc. Tested by CI only."""

import sys

assert sys.platform == "darwin"

import contextlib
import ctypes
import os
import select
import signal
import struct
import subprocess
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

NAME = "darwin"

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

# <sys/sysctl.h>
_CTL_KERN = 1
_KERN_ARGMAX = 8
_KERN_PROCARGS2 = 49
_PIDS = 16 * 1024
# <sys/proc_info.h>: flavours, sizes and offsets
_TASK_INFO = (4, 96)
_BSD_INFO = (3, 136)
_STARTED_AT = 120

_libc = ctypes.CDLL(None, use_errno=True)


def guard(tags: Mapping[str, str], *, with_parent: bool) -> None:
    """Fork: the child goes on, the parent is a guardian that leaves no process with *tags*.

    macOS has no death signal and no sub-reaper: the two watch each other with kqueue, and
    processes that have left their group are found by their tags.
    """

    def end_us() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def follow(guardian: int) -> None:
        watch_process(guardian, end_us)

    def prepare() -> None:
        if with_parent:
            watch_process(os.getppid(), end_us)

    def end_all() -> None:
        sweep(tags)

    posix.guard(adopt=lambda: None, follow=follow, prepare=prepare, end_all=end_all)


def spawn(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    descriptors: Sequence[int],
    ended: Ended,
) -> subprocess.Popen[bytes]:
    """Start *argv*; a thread calls *ended* with its exit code when its group has ended."""
    process = posix.popen(argv, environ, cwd, descriptors, posix.reset_signals)
    watch_process(process.pid, lambda: posix.reap(process, ended))
    return process


def watch_process(pid: int, gone: Callable[[], None]) -> None:
    """Call *gone* from a thread when process *pid* ends, at once if it has ended."""
    queue = select.kqueue()
    event = select.kevent(
        pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
    )

    def wait() -> None:
        with contextlib.closing(queue), contextlib.suppress(ProcessLookupError):
            queue.control([event], 1)
        gone()

    posix.thread(f"process-{pid}", wait)


def sweep(tags: Mapping[str, str]) -> tuple[int, ...]:
    """Kill all processes of this user with *tags*; return those that cannot be killed."""
    return posix.sweep(lambda: tagged(tags), posix.send)


def tagged(tags: Mapping[str, str]) -> tuple[int, ...]:
    """Return the other processes that were started with *tags* in their environment."""
    wanted = {f"{key}={value}".encode() for key, value in tags.items()}
    me = os.getpid()
    return tuple(pid for pid in _pids() if pid not in {0, me} and wanted <= _environment(pid))


def _pids() -> list[int]:
    buffer = (ctypes.c_int * _PIDS)()
    count = _libc.proc_listallpids(buffer, ctypes.sizeof(buffer))
    return list(buffer[: max(count, 0)])


def _environment(pid: int) -> set[bytes]:
    """Return the environment of *pid*, which follows argc, the path and the arguments."""
    data = _sysctl(_CTL_KERN, _KERN_PROCARGS2, pid)
    if len(data) < struct.calcsize("i"):
        return set()
    (argc,) = struct.unpack_from("i", data)
    _, _, rest = data[struct.calcsize("i") :].partition(b"\0")
    strings = rest.lstrip(b"\0").split(b"\0")
    return set(strings[argc:])


def _sysctl(*name: int) -> bytes:
    mib = (ctypes.c_int * len(name))(*name)
    size = ctypes.c_size_t(_argument_limit() if name[1] == _KERN_PROCARGS2 else 4)
    buffer = ctypes.create_string_buffer(size.value)
    if _libc.sysctl(mib, len(name), buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        return b""  # it has ended, or belongs to another user
    return buffer.raw[: size.value]


def _argument_limit() -> int:
    (limit,) = struct.unpack("i", _sysctl(_CTL_KERN, _KERN_ARGMAX))
    return int(limit)


def main_thread_exited(pid: int) -> bool:  # noqa: ARG001  # the Protocol's name
    """Return False: macOS does not tell."""
    return False


def started(pid: int) -> str:
    """Return when process *pid* was started, in a format of the system, "" if it has ended."""
    data = _info(pid, *_BSD_INFO)
    return "{}.{:06}".format(*struct.unpack_from("QQ", data, _STARTED_AT)) if data else ""


def usage(pid: int) -> tuple[int, float] | None:
    """Return the memory in bytes and the processor time in seconds that *pid* uses."""
    data = _info(pid, *_TASK_INFO)
    if not data:
        return None
    _, resident, user, system = struct.unpack_from("QQQQ", data)
    base = (ctypes.c_uint32 * 2)()
    _libc.mach_timebase_info(base)
    return int(resident), (user + system) * base[0] / base[1] / 1e9


def zombies(pid: int) -> int:  # noqa: ARG001  # the Protocol's name
    """Return 0: to count them would cost a system call for every process."""
    return 0


def _info(pid: int, flavour: int, size: int) -> bytes:
    buffer = ctypes.create_string_buffer(size)
    found = _libc.proc_pidinfo(pid, flavour, ctypes.c_uint64(0), buffer, size)
    return buffer.raw if found == size else b""  # it has ended, or belongs to another user


def slept() -> float:
    """Return how long the computer was asleep since it was started, in seconds."""
    return time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic()


def state_folder(product: str, environ: Mapping[str, str]) -> Path:
    """Return the folder for the state of *product* if its profile names no storage."""
    home = environ.get("HOME") or str(Path.home())
    return Path(home, "Library", "Application Support", product)


def port_owner(port: int) -> str | None:  # noqa: ARG001  # the Protocol's name
    """Return None: on macOS only libproc can tell."""
    return None


def owns_port(pid: int, port: int) -> bool | None:  # noqa: ARG001  # the Protocol's names
    """Return None: on macOS only libproc can tell."""
    return None
