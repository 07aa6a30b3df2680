"""What the artifact tells its shell: one JSON object a line on standard output."""

import json
import sys
from collections.abc import Mapping
from typing import TextIO

PROTOCOL = 1

Value = str | int | float | bool | None | Mapping[str, "Value"] | list["Value"]


class Announcer:
    """Writes numbered events; a shell that went away does not stop the services."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._seq = 0

    def emit(self, event: str, **fields: Value) -> None:
        """Write one *event* line with *fields*."""
        record = {"frostline": PROTOCOL, "event": event, "seq": self._seq, **fields}
        self._seq += 1
        try:
            self._stream.write(json.dumps(record, ensure_ascii=True) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return


def say(text: str) -> None:
    """Write a line for people to standard error."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return
