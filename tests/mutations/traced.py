"""Traces which lines of a folder's files a process runs."""

import atexit
import json
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import TraceFunction

# The variables that tell a child process what to trace, and where to write it.
TRACED, LINES = "FROSTLINE_TRACED", "FROSTLINE_LINES"


class Tracer:
    """Collects in *lines* the file and number of each line in *top* that is run."""

    def __init__(self, top: str) -> None:
        self.lines: set[tuple[str, int]] = set()
        self._top = top

    def start(self) -> None:
        """Trace this thread and those that it starts."""
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def stop(self) -> None:
        """Trace nothing more in this thread."""
        sys.settrace(None)
        threading.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> "TraceFunction | None":
        name = frame.f_code.co_filename
        if not name.startswith(self._top):
            return None
        if event == "line":
            self.lines.add((name, frame.f_lineno))
        return self._trace


def trace_child() -> None:
    """Trace this process, if its parent wants that, and write the lines when it ends."""
    if LINES not in os.environ or sys.gettrace():  # .pth files may be read twice
        return
    tracer = Tracer(os.environ[TRACED])
    file = Path(os.environ[LINES], str(os.getpid()))
    atexit.register(lambda: file.write_text(json.dumps([*tracer.lines]), encoding="utf-8"))
    tracer.start()
