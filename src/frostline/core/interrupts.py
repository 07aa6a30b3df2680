"""Delays Ctrl-C while something runs that must not be interrupted."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def delayed() -> Iterator[list[int]]:
    """Delay Ctrl-C during the block; the caller raises KeyboardInterrupt or ends what it started.

    Yields a list that is not empty afterwards if the user pressed Ctrl-C.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)
