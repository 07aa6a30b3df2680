"""Opens listening sockets on the loopback interface."""

import errno
import socket

from frostline_runtime.artifact.manifest import Port
from frostline_runtime.system import current

LOOPBACK = "127.0.0.1"
# 10013 (WSAEACCES) is what Windows answers for a range that Hyper-V has reserved.
_TAKEN = {errno.EADDRINUSE, errno.EACCES, 10013, 10048}


class PortError(Exception):
    """A fixed port is taken."""


def listen(port: Port, remembered: int = 0) -> socket.socket:
    """Return a listening socket on *port*, or on a free one if its mode allows that.

    A preferred port is first tried where it was *remembered*, because browsers keep the storage
    of a page by its address. Raises PortError, with the owner if the system tells it.
    """
    wanted = [] if port.mode == "ephemeral" else [port.number]
    if port.mode == "prefer":
        wanted.insert(0, remembered)
    for number in filter(None, wanted):
        try:
            return _bind(number)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
    if port.mode == "fixed" and port.number:
        owner = current.port_owner(port.number) or "another process"
        message = (
            f"port {port.number} is taken by {owner}. Stop that process or choose another port."
        )
        raise PortError(message)
    return _bind(0)


def _bind(number: int) -> socket.socket:
    listener = socket.socket(
        # Named: asyncio sets TCP_NODELAY only then, which saves 40 ms a request.
        socket.AF_INET,
        socket.SOCK_STREAM,
        socket.IPPROTO_TCP,
    )
    try:
        current.prepare_listener(listener)
        listener.bind((LOOPBACK, number))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener
