"""Takes the state of an instance that has outlived its shell, because it hangs."""

import contextlib
import os
import signal
import time
from pathlib import Path

from frostline_runtime.artifact import runfile
from frostline_runtime.artifact.guardian import INSTANCE
from frostline_runtime.artifact.loopback import request
from frostline_runtime.system import current

_ASK_PATIENCE = 2.0
_STOP_PATIENCE = 10.0
_KILL_PATIENCE = 2.0


def take(state: Path) -> int | None:
    """Return what holds the lock of *state*, None if its holder is not to be disturbed.

    That holder must have had a shell that has ended; it is asked to stop, and ended by force if
    it does not. An instance without a shell is somebody's own.
    """
    facts = runfile.read(state)
    shell = runfile.number(facts, "shell_pid")
    if not shell or facts.get("ended") or current.started(shell) == facts.get("shell_started"):
        return None
    with contextlib.suppress(OSError, ValueError):
        headers = f"Authorization: Bearer {facts.get('token')}\r\n"
        port = runfile.number(facts, "control")
        request("POST", "/api/stop", port, _ASK_PATIENCE, headers=headers, body=b"{}")
    held = _wait(state, _STOP_PATIENCE)
    pid = runfile.number(facts, "pid")
    if held is None and current.started(pid) == facts.get("pid_started"):  # the very process
        os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        held = _wait(state, _KILL_PATIENCE)
    if held is not None:
        current.sweep({INSTANCE: str(facts.get("instance"))})
    return held


def _wait(state: Path, patience: float) -> int | None:
    deadline = time.monotonic() + patience
    while (held := runfile.take(state)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
