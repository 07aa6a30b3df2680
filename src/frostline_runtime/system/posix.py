"""What Linux and macOS share."""

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
# Whoever has started us with one of them ignored, as nohup does, means it.
STOP_SIGNALS = tuple(n for n in _ASKS_TO_STOP if signal.getsignal(n) is not signal.SIG_IGN)
WAKE_EVERY: float | None = None
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
    """Start *argv* in a process group of its own, output merged into one pipe.

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
        preexec_fn=prepare,  # noqa: PLW1509  # only async-signal-safe calls; the group and death signal need it
    )


def reset_signals() -> None:
    """Give a child the usual signals, whatever this process does with its own."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in _ASKS_TO_STOP:
        signal.signal(number, signal.SIG_DFL)


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the group of *process* to stop; SIGCONT because a stopped process sees no SIGTERM."""
    signal_group(process.pid, signal.SIGTERM)
    signal_group(process.pid, signal.SIGCONT)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the group of *process* at once."""
    if process.returncode is None:  # afterwards the number may be somebody else's
        signal_group(process.pid, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send signal *number* to a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def reap(process: subprocess.Popen[bytes], ended: Ended) -> None:
    """End what is left of the group of a dead *process*, take its exit code, and tell it.

    The group goes first: while its leader is a zombie, nobody else can get its number.
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
    """Return in a child; outlive it here, so that nothing outlives us, and end with its code.

    *adopt* makes a process inherit orphans, *follow* ties the child to its parent's life,
    *prepare* is the guardian's own start, *end_all* ends what the child has left behind.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _GUARDED)
    adopt()
    guardian = os.getpid()
    child = os.fork()
    if not child:
        # A group of its own: Ctrl-C reaches the guardian alone, which hands it on once.
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
    """Kill what *tagged* finds until it finds nothing; return what is still there after a second.

    All are stopped before any is killed: one that forks faster than it dies would win.
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
    """Allow a port again whose old connections are only waiting for their time to be over."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def can_inherit_sockets() -> bool:
    """Tell whether a child can be handed a listening socket by its number."""
    return True


def lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock *path*, or None if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return None
        raise
    return descriptor
