"""What the artifact tells its shell: one JSON object a line on standard output."""

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import TextIO

PROTOCOL = 1
_LINES = 256
_LAST_WORDS = 0.5

Value = str | int | float | bool | None | Mapping[str, "Value"] | list["Value"]


class Outlet:
    """Writes lines from a thread of its own: a reader that sleeps or is gone blocks nobody.

    What does not fit into the buffer is dropped and counted.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES)
        self._thread = threading.Thread(target=self._write, name="outlet", daemon=True)
        self.dropped = 0
        if stream:
            self._thread.start()

    def put(self, line: str) -> bool:
        """Take *line* and tell whether there was room for it."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def close(self) -> None:
        """Write what is left, for as long as somebody reads."""
        if self._stream and self.put_last():
            self._thread.join(_LAST_WORDS)

    def put_last(self) -> bool:
        """Ask the thread to end after what it has."""
        try:
            self._lines.put(None, timeout=_LAST_WORDS)
        except queue.Full:
            return False
        return True

    def _write(self) -> None:
        assert self._stream  # noqa: S101  # the thread is started for one only
        broken = False
        while (line := self._lines.get()) is not None:
            if broken:
                continue
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                broken = True


class Announcer:
    """Writes numbered events."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._outlet = Outlet(stream or sys.stdout)
        self._seq = 0

    def emit(self, event: str, **fields: Value) -> None:
        """Write one *event* line with *fields*; only what is written has a number."""
        record = {"frostline": PROTOCOL, "event": event, "seq": self._seq, **fields}
        if self._outlet.put(json.dumps(record, ensure_ascii=True)):
            self._seq += 1

    def close(self) -> None:
        """Write what is left."""
        self._outlet.close()


def say(text: str) -> None:
    """Write a line for people to standard error."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        # Nobody reads it. What is left in its buffer would change our exit code to 120.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # for good
