"""Connections by which one process notices the end of another and gets messages from it."""

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Self

from frostline_runtime import exit_codes

_LONGEST = 64 * 1024
_GRACE = 5.0
_QUESTION = b'{"cmd": "lag"}\n'


class Tether:
    """The supervisor's end of the connection to a run of a service.

    It closes when the supervisor ends, so that the service can stop. Over it the supervisor asks
    how long the event loop of the service has been blocked.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()

    def fileno(self) -> int:
        """Return the descriptor that the service inherits."""
        return self._theirs.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """Close the supervisor's copy of the service's end, and both if the start has failed."""
        self._theirs.close()
        if failure:
            self._ours.close()

    def ask(self) -> None:
        """Send the question; drop answers to earlier ones."""
        with contextlib.suppress(OSError):
            self._ours.settimeout(0)
            while self._ours.recv(4096):
                pass
        with contextlib.suppress(OSError):  # the service has ended or does not read
            self._ours.send(_QUESTION)

    def answer(self, timeout: float) -> float | None:
        """Return how many seconds the loop has been blocked, None without an answer."""
        try:
            self._ours.settimeout(timeout)
            message = json.loads(self._ours.recv(4096))
        except (OSError, ValueError):
            return None
        lag = message.get("lag") if isinstance(message, dict) else None
        return float(lag) if isinstance(lag, int | float) else None

    def close(self) -> None:
        """Close the connection."""
        self._ours.close()


def watch(
    descriptor: int, ended: Callable[[], None], said: Callable[[Mapping[str, object]], None]
) -> None:
    """Call *said* with each line of *descriptor* that is a JSON object, *ended* at its end."""

    def read() -> None:
        # Not sys.stdin: Python aborts at exit if a thread is blocked in a buffered reader.
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


def follow(descriptor: int, lag: Callable[[], float | None]) -> None:
    """Stop this process when *descriptor* ends: the supervisor has ended. Kill it after a while.

    Answers each question of the supervisor with *lag*, in seconds.
    """

    def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        timer = threading.Timer(_GRACE, os._exit, (exit_codes.LOST_PARENT,))
        timer.daemon = True
        timer.start()

    def said(message: Mapping[str, object]) -> None:
        if message.get("cmd") == "lag":
            answer = json.dumps({"lag": lag()}) + "\n"
            with contextlib.suppress(OSError):
                os.write(descriptor, answer.encode())

    watch(descriptor, end, said)
