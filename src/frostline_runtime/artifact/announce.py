"""Events for the desktop shell: one JSON object per line on standard output."""

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import TextIO

PROTOCOL = 1
_LINES = 256
_CLOSE_TIMEOUT = 0.5

Value = str | int | float | bool | None | Mapping[str, "Value"] | list["Value"]


class Outlet:
    """Writes lines from its own thread, so that a slow or dead reader blocks no other thread.

    Lines that do not fit into the buffer are dropped and counted.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES)
        self._thread = threading.Thread(target=self._write, name="outlet", daemon=True)
        self.dropped = 0
        if stream:
            self._thread.start()

    def put(self, line: str) -> bool:
        """Queue *line*; return False if the buffer is full."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def close(self) -> None:
        """Write the remaining lines; give up if they are not read."""
        if self._stream and self.put_last():
            self._thread.join(_CLOSE_TIMEOUT)

    def put_last(self) -> bool:
        """Let the thread end after the queued lines; return False if the buffer stays full."""
        try:
            self._lines.put(None, timeout=_CLOSE_TIMEOUT)
        except queue.Full:
            return False
        return True

    def _write(self) -> None:
        assert self._stream  # noqa: S101  # the thread runs only with a stream
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
    """Writes events with a running number."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._outlet = Outlet(stream or sys.stdout)
        self._seq = 0

    def emit(self, event: str, **fields: Value) -> None:
        """Write one *event* with *fields*; a dropped event uses up no number."""
        record = {"frostline": PROTOCOL, "event": event, "seq": self._seq, **fields}
        if self._outlet.put(json.dumps(record, ensure_ascii=True)):
            self._seq += 1

    def close(self) -> None:
        """Write the remaining events."""
        self._outlet.close()


def say(text: str) -> None:
    """Write a line for people to standard error."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        # It is closed. Text left in its buffer would change the exit code to 120.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # until the process ends
