"""Notices the end of the process that holds the other end of a pipe, and hears what it says."""

import json
import os
import signal
import threading
from collections.abc import Callable, Mapping

_LONGEST = 64 * 1024
_GRACE = 5.0


def watch(
    descriptor: int, ended: Callable[[], None], said: Callable[[Mapping[str, object]], None]
) -> None:
    """Call *ended* when *descriptor* reaches its end, *said* for each JSON object on a line."""

    def read() -> None:
        # os.read and not sys.stdin: a thread blocked in a buffered reader aborts the exit.
        rest = b""
        try:
            while chunk := os.read(descriptor, 4096):
                *lines, rest = (rest + chunk).split(b"\n")
                rest = rest[-_LONGEST:]
                for line in lines:
                    _parse(line, said)
        except OSError:
            pass
        ended()

    threading.Thread(target=read, name="lifeline", daemon=True).start()


def _parse(line: bytes, said: Callable[[Mapping[str, object]], None]) -> None:
    try:
        message = json.loads(line)
    except ValueError:
        return
    if isinstance(message, dict):
        said(message)


def follow(descriptor: int) -> None:
    """Stop this process when *descriptor* ends, the supervisor with it; by force if need be."""

    def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        timer = threading.Timer(_GRACE, os._exit, (75,))
        timer.daemon = True
        timer.start()

    watch(descriptor, end, lambda _: None)
