"""Replaces an instance that still runs although its desktop shell has ended."""

import contextlib
import os
import signal
import time
from pathlib import Path

from frostline_runtime.artifact import runfile
from frostline_runtime.artifact.guardian import INSTANCE
from frostline_runtime.artifact.loopback import request
from frostline_runtime.system import current

_ASK_TIMEOUT = 2.0
_STOP_TIMEOUT = 10.0
_KILL_TIMEOUT = 2.0


def take(state: Path) -> int | None:
    """Return a descriptor that holds the lock of folder *state*, None if it stays taken.

    The instance that has the lock is asked to stop, and killed if it does not. It is left alone
    if it was started without a shell, or if its shell still runs.
    """
    facts = runfile.read(state)
    shell = runfile.number(facts, "shell_pid")
    if not shell or facts.get("ended") or current.started(shell) == facts.get("shell_started"):
        return None
    with contextlib.suppress(OSError, ValueError):
        headers = f"Authorization: Bearer {facts.get('token')}\r\n"
        port = runfile.number(facts, "control")
        request("POST", "/api/stop", port, _ASK_TIMEOUT, headers=headers, body=b"{}")
    held = _wait(state, _STOP_TIMEOUT)
    pid = runfile.number(facts, "pid")
    if held is None and current.started(pid) == facts.get(
        "pid_started"
    ):  # not a new process with its number
        os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        held = _wait(state, _KILL_TIMEOUT)
    if held is not None:
        current.sweep({INSTANCE: str(facts.get("instance"))})
    return held


def _wait(state: Path, timeout: float) -> int | None:
    deadline = time.monotonic() + timeout
    while (held := runfile.take(state)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
