"""Runs work in a process that can harm nothing: a mutant may kill every process it sees.

The process has namespaces of its own (Linux): it sees only processes that it has started, and
can write only into one folder.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

assert sys.platform == "linux"

_NEW_MOUNTS, _NEW_USER, _NEW_PROCESSES = 0x00020000, 0x10000000, 0x20000000
_READ_ONLY, _REMOUNT, _BIND, _ALL_BELOW, _PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 1 << 18
_NOT_CONTAINED = 98
TIMED_OUT = -signal.SIGALRM


class NotContainedError(Exception):
    """This system has no namespaces for us; nothing was run."""


def start(work: Callable[[], int], folder: Path, seconds: float = 0) -> int:
    """Start *work*, for at most *seconds* (0: any); return the pid whose status `result` reads.

    It can write only into *folder*, where its output is in the file `output`, and into what other
    mounts there are, such as /dev/shm.
    """

    def limited() -> int:
        signal.setitimer(signal.ITIMER_REAL, seconds)  # its signal ends the process
        with Path(os.devnull).open("rb") as null, (folder / "output").open("wb") as output:
            for descriptor, file in enumerate((null, output, output)):
                os.dup2(file.fileno(), descriptor)
        return work()

    def first() -> int:
        """Be the first process of the namespace, which waits for those that lost their parents."""
        try:
            _mount("proc", Path("/proc"), 0, kind="proc")
            _mount(str(folder), folder, _BIND)
            _mount("none", Path("/"), _REMOUNT | _BIND | _READ_ONLY)
        except OSError:
            return _NOT_CONTAINED
        return _ended(_fork(limited))

    def outside() -> int:
        os.setsid()
        try:
            _unshare()
        except OSError:
            return _NOT_CONTAINED
        return _ended(_fork(first))

    return _fork(outside)


def result(status: int) -> int:
    """Return the exit code that *status* means; negative for a signal. Raises NotContainedError."""
    code = os.waitstatus_to_exitcode(status)
    if code == _NOT_CONTAINED:
        message = "mutants are tried only where Linux namespaces contain them"
        raise NotContainedError(message)
    return 128 - code if code > 128 else code  # as shells write signals


def _fork(run: Callable[[], int]) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        with contextlib.suppress(BaseException):
            code = run()
        os._exit(code)
    return pid


def _ended(pid: int) -> int:
    """Return the exit code of *pid*, 128 and more for a signal, when it has ended."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _unshare() -> None:
    user, group = os.getuid(), os.getgid()
    if _libc().unshare(_NEW_MOUNTS | _NEW_PROCESSES):  # users other than root need another one
        _check(_libc().unshare(_NEW_MOUNTS | _NEW_PROCESSES | _NEW_USER))
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    _mount("none", Path("/"), _ALL_BELOW | _PRIVATE)


def _mount(source: str, place: Path, flags: int, kind: str = "none") -> None:
    names = source.encode(), os.fsencode(place), kind.encode()
    _check(_libc().mount(*names, ctypes.c_ulong(flags), None))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(failed: int) -> None:
    if failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
