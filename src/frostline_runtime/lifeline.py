"""Notices the end of the shell that holds the other end of standard input."""

import os
import threading
from collections.abc import Callable


def watch(descriptor: int, ended: Callable[[], None]) -> None:
    """Call *ended* from a thread when *descriptor* reaches its end."""
    threading.Thread(target=_read, args=(descriptor, ended), name="lifeline", daemon=True).start()


def _read(descriptor: int, ended: Callable[[], None]) -> None:
    # os.read and not sys.stdin: a thread blocked in a buffered reader aborts the exit.
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass
    ended()
