"""Linux."""

import sys

assert sys.platform == "linux"

from pathlib import Path

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

_LISTEN = "0A"


def port_owner(port: int) -> str | None:
    """Return name and pid of the process that listens on *port*, if /proc shows it."""
    inodes = _listening_inodes(port)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            links = {str(link.readlink()) for link in (entry / "fd").iterdir()}
            name = (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
        if links & inodes:
            return f"{name} (pid {entry.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
