"""Processes, ports and locks on Windows, with job objects. Tested by CI only."""

import sys

assert sys.platform == "win32"

import contextlib
import ctypes
import msvcrt
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import wintypes
from pathlib import Path
from typing import ClassVar

from frostline_runtime import exit_codes

NAME = "windows"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)

# <winnt.h>, <iphlpapi.h>
_KILL_ON_JOB_CLOSE = 0x2000
_EXTENDED_LIMITS = 9
_SYNCHRONIZE = 0x0010_0000
_SET_QUOTA_AND_TERMINATE = 0x0101
_FOREVER = 0xFFFF_FFFF
_QUERY_LIMITED_INFORMATION = 0x1000
_AF_INET = 2
_OWNER_PID_LISTENER = 3

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_network = ctypes.WinDLL("iphlpapi", use_last_error=True)
for _name in ("CreateJobObjectW", "OpenProcess", "GetCurrentProcess"):
    getattr(_kernel, _name).restype = wintypes.HANDLE

# The job handles of services by pid; a job ends when its last handle is closed.
_jobs: dict[int, int] = {}


class _BasicLimits(ctypes.Structure):
    _fields_: ClassVar = [  # type: ignore[mutable-override]  # the base class wants a Sequence
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    ]


class _ExtendedLimits(ctypes.Structure):
    _fields_: ClassVar = [  # type: ignore[mutable-override]  # the base class wants a Sequence
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    ]


class _MemoryCounters(ctypes.Structure):
    _fields_: ClassVar = [  # type: ignore[mutable-override]  # the base class wants a Sequence
        ("cb", wintypes.DWORD),
        ("PageFaultCount", wintypes.DWORD),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        ("WorkingSetSize", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 6),
    ]


class _TcpRow(ctypes.Structure):
    _fields_: ClassVar = [  # type: ignore[mutable-override]  # the base class wants a Sequence
        (name, wintypes.DWORD)
        for name in ("state", "address", "port", "remote_address", "remote_port", "pid")
    ]


def guard(
    tags: Mapping[str, str],  # noqa: ARG001  # the Protocol's name
    *,
    with_parent: bool,
) -> None:
    """Enter a job: the kernel kills all processes in it when this one ends."""
    job = _new_job()
    _check(_kernel.AssignProcessToJobObject(job, wintypes.HANDLE(_kernel.GetCurrentProcess())))
    if with_parent:
        watch_process(os.getppid(), lambda: os.kill(os.getpid(), signal.SIGTERM))


def _new_job() -> wintypes.HANDLE:
    job = wintypes.HANDLE(_check(_kernel.CreateJobObjectW(None, None)))
    limits = _ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE
    size = ctypes.sizeof(limits)
    _check(_kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), size))
    return job


def _check(result: int | None) -> int:
    if not result:
        raise ctypes.WinError(ctypes.get_last_error())
    return result


def spawn(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    descriptors: Sequence[int],  # noqa: ARG001  # the Protocol's name
    ended: Callable[[int], None],
) -> subprocess.Popen[bytes]:
    """Start *argv* without a window, in its own process group and job.

    Its job serves to kill it together with its children.
    """
    flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    _kernel.SetDllDirectoryW(None)  # the bootloader has set it for itself only
    process = subprocess.Popen(
        list(argv),
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        creationflags=flags,
    )
    with contextlib.suppress(OSError):  # it may have ended already
        handle = _kernel.OpenProcess(_SET_QUOTA_AND_TERMINATE, False, process.pid)  # noqa: FBT003  # the system's signature
        job = _new_job()
        _check(_kernel.AssignProcessToJobObject(job, wintypes.HANDLE(_check(handle))))
        _kernel.CloseHandle(wintypes.HANDLE(handle))
        _jobs[process.pid] = job.value or 0

    def wait() -> None:
        code = process.wait()
        kill(process)
        ended(code)

    threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()
    return process


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the process group of *process* to stop."""
    with contextlib.suppress(OSError):
        process.send_signal(signal.CTRL_BREAK_EVENT)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill *process* and everything that it has started."""
    job = _jobs.pop(process.pid, 0)
    if job:
        _kernel.TerminateJobObject(wintypes.HANDLE(job), exit_codes.FAILED)
        _kernel.CloseHandle(wintypes.HANDLE(job))
    elif process.poll() is None:
        with contextlib.suppress(OSError):
            process.kill()


def sweep(tags: Mapping[str, str]) -> tuple[int, ...]:  # noqa: ARG001  # the Protocol's name
    """Return (): no process can leave the job."""
    return ()


def tagged(tags: Mapping[str, str]) -> tuple[int, ...]:  # noqa: ARG001  # the Protocol's name
    """Return (): no process can leave the job, so none is searched for."""
    return ()


def watch_process(pid: int, gone: Callable[[], None]) -> None:
    """Call *gone* from a thread when process *pid* ends, at once if it has ended."""
    handle = wintypes.HANDLE(_kernel.OpenProcess(_SYNCHRONIZE, False, pid))  # noqa: FBT003  # the system's signature

    def wait() -> None:
        if handle.value:
            _kernel.WaitForSingleObject(handle, _FOREVER)
            _kernel.CloseHandle(handle)
        gone()

    threading.Thread(target=wait, name=f"process-{pid}", daemon=True).start()


def main_thread_exited(pid: int) -> bool:  # noqa: ARG001  # the Protocol's name
    """Return False: Windows does not tell."""
    return False


def started(pid: int) -> str:
    """Return when process *pid* was started, in a format of the system, "" if it has ended."""
    with _opened(pid) as handle:
        running = handle.value and _kernel.WaitForSingleObject(handle, 0)
        return str(_times(handle)[0]) if running else ""


def usage(pid: int) -> tuple[int, float] | None:
    """Return the memory in bytes and the processor time in seconds that *pid* uses."""
    counters = _MemoryCounters(cb=ctypes.sizeof(_MemoryCounters))
    with _opened(pid) as handle:
        if not _kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.cb):
            return None
        _, _, kernel, user = _times(handle)
    return int(counters.WorkingSetSize), (kernel + user) / 10_000_000


def zombies(pid: int) -> int:  # noqa: ARG001  # the Protocol's name
    """Return 0: Windows has no zombies."""
    return 0


@contextlib.contextmanager
def _opened(pid: int) -> Iterator[wintypes.HANDLE]:
    """Yield a handle of *pid*, null if it has ended or belongs to another user."""
    access = _QUERY_LIMITED_INFORMATION | _SYNCHRONIZE
    handle = wintypes.HANDLE(_kernel.OpenProcess(access, False, pid))  # noqa: FBT003  # the system's signature
    try:
        yield handle
    finally:
        _kernel.CloseHandle(handle)


def _times(handle: wintypes.HANDLE) -> list[int]:
    """Return creation, exit, kernel and user time of a process, in units of 100 ns."""
    times = (ctypes.c_uint64 * 4)()
    places = (ctypes.byref(times, 8 * number) for number in range(4))
    _kernel.GetProcessTimes(handle, *places)
    return list(times)


def slept() -> float:
    """Return how long the computer was asleep since it was started, in seconds."""
    awake = ctypes.c_uint64()
    _kernel.QueryUnbiasedInterruptTime(ctypes.byref(awake))
    _kernel.GetTickCount64.restype = ctypes.c_uint64
    return float(_kernel.GetTickCount64()) / 1000 - awake.value / 10_000_000


def state_folder(product: str, environ: Mapping[str, str]) -> Path:
    """Return the folder for the state of *product* if its profile names no storage."""
    return Path(environ.get("LOCALAPPDATA") or Path.home(), product)


def lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock *path*, None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOINHERIT, 0o600)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _listener(port: int) -> int | None:
    """Return the pid of the process that listens on *port*."""
    size = wintypes.DWORD(0)
    table = _network.GetExtendedTcpTable
    table(None, ctypes.byref(size), False, _AF_INET, _OWNER_PID_LISTENER, 0)  # noqa: FBT003  # the system's signature
    buffer = ctypes.create_string_buffer(size.value)
    if table(buffer, ctypes.byref(size), False, _AF_INET, _OWNER_PID_LISTENER, 0):  # noqa: FBT003
        return None
    count = wintypes.DWORD.from_buffer(buffer).value
    rows = (_TcpRow * count).from_buffer(buffer, ctypes.sizeof(wintypes.DWORD))
    return next((row.pid for row in rows if socket.ntohs(row.port & 0xFFFF) == port), None)


def port_owner(port: int) -> str | None:
    """Return the process that listens on *port* in words, None if there is none."""
    pid = _listener(port)
    return f"pid {pid}" if pid else None


def owns_port(pid: int, port: int) -> bool | None:
    """Tell whether *pid* listens on *port*, None if no listener is found."""
    owner = _listener(port)
    return None if owner is None else owner == pid


def prepare_listener(listener: socket.socket) -> None:
    """Keep other processes off the port: on Windows SO_REUSEADDR would share it."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)


def can_inherit_sockets() -> bool:
    """Tell whether a child can inherit a listening socket."""
    return False
