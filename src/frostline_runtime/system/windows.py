"""Windows. Proven by the CI matrix only."""

import sys

assert sys.platform == "win32"

import contextlib
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)
# A blocking wait of the main thread is not interrupted by Ctrl-C here.
WAKE_EVERY: float | None = 0.5


def spawn(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    descriptors: Sequence[int],  # noqa: ARG001  # the Protocol's name
) -> subprocess.Popen[bytes]:
    """Start *argv* in a process group of its own, output merged into one pipe."""
    flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(
        list(argv),
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        creationflags=flags,
    )


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask the group of *process* to stop."""
    with contextlib.suppress(OSError):
        process.send_signal(signal.CTRL_BREAK_EVENT)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End *process* at once; its children fall with the Job Object of the next version."""
    with contextlib.suppress(OSError):
        process.kill()


def group_alive(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether *process* still runs."""
    return process.poll() is None


def port_owner(port: int) -> str | None:  # noqa: ARG001  # the Protocol's name
    """Return None: the owner is not asked for yet."""
    return None


def prepare_listener(listener: socket.socket) -> None:
    """Keep others off the port: SO_REUSEADDR would share it on this system."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)


def can_inherit_sockets() -> bool:
    """Tell whether a child can be handed a listening socket by its number."""
    return False
