"""How long an event loop lets others wait, asked from another thread."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

PATIENCE = 0.25


class Loop(Protocol):
    """The one thing that is needed of `asyncio.AbstractEventLoop`."""

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> object:
        """Call *callback* from the loop."""


class LoopLag:
    """The silence of one loop; nothing is known of it before `watch`."""

    def __init__(self) -> None:
        self._loop: Loop | None = None
        self._ran = threading.Event()
        self._ran.set()
        self._asked = 0.0

    def watch(self, loop: Loop) -> None:
        """Measure this *loop* from now on."""
        self._loop = loop

    def measure(self) -> float | None:
        """Return the seconds that the loop takes, or has taken so far, to run what it is given.

        To be called by one thread only. None: there is no loop (any more).
        """
        if not self._loop:
            return None
        if self._ran.is_set():  # the last question has been answered meanwhile
            self._ran.clear()
            try:
                self._loop.call_soon_threadsafe(self._ran.set)
            except RuntimeError:  # it is closed
                self._ran.set()
                return None
            self._asked = time.monotonic()
        self._ran.wait(PATIENCE)
        return time.monotonic() - self._asked
