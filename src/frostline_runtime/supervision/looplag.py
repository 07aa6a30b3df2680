"""Measures from another thread how long an event loop is blocked."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

LAG_TIMEOUT = 0.25


class Loop(Protocol):
    """The part of `asyncio.AbstractEventLoop` that is needed."""

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> object:
        """Call *callback* from the loop."""


class LoopLag:
    """Measures one loop, the one given to `watch`."""

    def __init__(self) -> None:
        self._loop: Loop | None = None
        self._ran = threading.Event()
        self._ran.set()
        self._asked = 0.0

    def watch(self, loop: Loop) -> None:
        """Measure this *loop* from now on."""
        self._loop = loop

    def measure(self) -> float | None:
        """Return the seconds that the loop needs, or has needed so far, to run a callback.

        Returns None without a loop or after its end. Call it from one thread only.
        """
        if not self._loop:
            return None
        if self._ran.is_set():  # the last callback has run
            self._ran.clear()
            try:
                self._loop.call_soon_threadsafe(self._ran.set)
            except RuntimeError:  # it is closed
                self._ran.set()
                return None
            self._asked = time.monotonic()
        self._ran.wait(LAG_TIMEOUT)
        return time.monotonic() - self._asked
