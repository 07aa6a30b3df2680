"""What Linux and macOS share."""

import sys

assert sys.platform != "win32"

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
WAKE_EVERY: float | None = None


def spawn(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    descriptors: Sequence[int],
) -> subprocess.Popen[bytes]:
    """Start *argv* in a process group of its own, output merged into one pipe."""
    return subprocess.Popen(
        list(argv),
        env=dict(environ),
        cwd=cwd,
        pass_fds=tuple(descriptors),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    )


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the group of *process* to stop; SIGCONT because a stopped process sees no SIGTERM."""
    _signal_group(process, signal.SIGTERM)
    _signal_group(process, signal.SIGCONT)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the group of *process* at once."""
    _signal_group(process, signal.SIGKILL)


def group_alive(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether anything in the group of *process* still runs."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def prepare_listener(listener: socket.socket) -> None:
    """Allow a port again whose old connections are only waiting for their time to be over."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def can_inherit_sockets() -> bool:
    """Tell whether a child can be handed a listening socket by its number."""
    return True


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
