"""Processes, signals and locks, as Linux and macOS have them."""

import sys

assert sys.platform != "win32"

import contextlib
import errno
import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from frostline_runtime import exit_codes

_ASKS_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A signal that the parent has set to be ignored, as nohup does, stays ignored.
STOP_SIGNALS = tuple(n for n in _ASKS_TO_STOP if signal.getsignal(n) is not signal.SIG_IGN)
_GUARDED = (*STOP_SIGNALS, signal.SIGCHLD)
_UNTIL_KILLED = 1.0

Ended = Callable[[int], None]


def popen(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    descriptors: Sequence[int],
    prepare: Callable[[], None],
) -> subprocess.Popen[bytes]:
    """Start *argv* in its own process group, with stdout and stderr in one pipe.

    *prepare* runs in the child, between fork and exec.
    """
    return subprocess.Popen(
        list(argv),
        env=dict(environ),
        cwd=cwd,
        pass_fds=tuple(descriptors),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=prepare,  # noqa: PLW1509  # it makes only async-signal-safe calls
    )


def reset_signals() -> None:
    """Reset the signal handlers and the signal mask of a child."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in _ASKS_TO_STOP:
        signal.signal(number, signal.SIG_DFL)


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the group of *process* to stop; SIGCONT because a stopped process sees no SIGTERM."""
    signal_group(process.pid, signal.SIGTERM)
    signal_group(process.pid, signal.SIGCONT)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group of *process*."""
    if process.returncode is None:  # afterwards another process may have its number
        signal_group(process.pid, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send signal *number* to a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def reap(process: subprocess.Popen[bytes], ended: Ended) -> None:
    """Kill the rest of the group of a dead *process*, and call *ended* with its exit code.

    The group is killed first: as long as its leader is a zombie, its number is not reused.
    """
    signal_group(process.pid, signal.SIGKILL)
    try:
        _, status = os.waitpid(process.pid, 0)
    except ChildProcessError:
        status = 0
    process.returncode = os.waitstatus_to_exitcode(status)
    ended(process.returncode)


def guard(
    *,
    adopt: Callable[[], None],
    follow: Callable[[int], None],
    prepare: Callable[[], None],
    end_all: Callable[[], None],
) -> None:
    """Fork and return in the child. The parent, the guardian, ends after it, with its exit code.

    *adopt* makes a process adopt orphans. *follow* makes the child stop when the guardian ends.
    *prepare* is called in the guardian, and *end_all* when the child has ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _GUARDED)
    adopt()
    guardian = os.getpid()
    child = os.fork()
    if not child:
        # In its own group: Ctrl-C reaches only the guardian, which forwards it once.
        os.setpgid(0, 0)
        follow(guardian)
        adopt()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    prepare()
    code = _guard(child)
    end_all()
    os._exit(code)


def _guard(child: int) -> int:
    while True:
        number = signal.sigwait(_GUARDED)
        if number != signal.SIGCHLD:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return exit_codes.FAILED
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else exit_codes.SIGNAL - code
            if not pid:
                break


def sweep(
    tagged: Callable[[], tuple[int, ...]], send: Callable[[int, signal.Signals], None]
) -> tuple[int, ...]:
    """Kill what *tagged* finds until it finds nothing; return what is left after a second.

    All are stopped before any is killed, so that none can fork new ones meanwhile.
    """
    deadline = time.monotonic() + _UNTIL_KILLED
    while pids := tagged():
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                send(pid, number)
        if time.monotonic() > deadline:
            return pids
        time.sleep(0.002)
    return ()


def send(pid: int, number: signal.Signals) -> None:
    """Send signal *number* to *pid*, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def thread(name: str, target: Callable[[], None]) -> None:
    """Run *target* in a thread that does not keep the process alive."""
    threading.Thread(target=target, name=name, daemon=True).start()


def prepare_listener(listener: socket.socket) -> None:
    """Allow a port whose old connections are in TIME_WAIT."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def can_inherit_sockets() -> bool:
    """Tell whether a child can inherit a listening socket."""
    return True


def lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock *path*, None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return None
        raise
    return descriptor
