"""Output of a service: always drained, shown with its name, its end kept for messages."""

import threading
from collections import deque
from typing import IO

from frostline_runtime.announce import say

TAIL_LINES = 30
_LINE_LIMIT = 64 * 1024


class Output:
    """Reads one stream to its end in a thread."""

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self._name = name
        self._stream = stream
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._thread = threading.Thread(target=self._drain, name=f"output-{name}", daemon=True)
        self._thread.start()

    def tail(self, wait: float = 0.2) -> list[str]:
        """Return the last lines, after at most *wait* seconds for what is still in the pipe."""
        self._thread.join(wait)
        return list(self._tail)

    def _drain(self) -> None:
        with self._stream:
            while line := self._stream.readline(_LINE_LIMIT):
                text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
                self._tail.append(text)
                say(f"[{self._name}] {text}")
