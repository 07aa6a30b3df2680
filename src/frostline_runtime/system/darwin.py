"""macOS. Proven by the CI matrix only."""

import sys

assert sys.platform == "darwin"

from frostline_runtime.system.posix import (
    STOP_SIGNALS,
    WAKE_EVERY,
    can_inherit_sockets,
    group_alive,
    kill,
    prepare_listener,
    spawn,
    terminate,
)

__all__ = [
    "STOP_SIGNALS",
    "WAKE_EVERY",
    "can_inherit_sockets",
    "group_alive",
    "kill",
    "port_owner",
    "prepare_listener",
    "spawn",
    "terminate",
]


def port_owner(port: int) -> str | None:  # noqa: ARG001  # the Protocol's name
    """Return None: macOS tells the owner of a port only to libproc."""
    return None
