"""Reads the output of services, and keeps it in memory and in rotated files."""

import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

TAIL_LINES = 30
RING = 2000
LINE_LIMIT = 64 * 1024
FILE_LIMIT = 5 * 1024 * 1024
FILES = 5
RATE = 10_000
_RETRY = 30.0
_CHUNK = 64 * 1024
_SECRET = re.compile(r"(?i)((?:token|password|secret|api[_-]?key)\W?\s*[:=]\s*\W?)[^\s\"'&,;]+")


class Log:
    """The output of one service over all its runs.

    *show* is called with each line, *trouble* with a message when the file cannot be written.
    """

    def __init__(
        self, name: str, path: Path | None, show: Callable[[str], object],
        trouble: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._name = name
        self._path = path
        self._show = show
        self._trouble = trouble
        self._lock = threading.Lock()
        self._file_lock = threading.Lock()
        self._ring: deque[tuple[int, str]] = deque(maxlen=RING)
        self._number = 0
        self._file: int | None = None
        self._size = 0
        self._closed_until = 0.0
        self.dropped = 0
        self.last = time.monotonic()

    def attach(
        self, stream: IO[bytes], progressed: Callable[[], None],
        watch: Callable[[str], object] = lambda _: None,
    ) -> None:  # fmt: skip
        """Read *stream* to its end in a thread.

        Calls *progressed* at most once a second, and *watch* with each line that is kept.
        """
        threading.Thread(
            target=self._drain, args=(stream, progressed, watch),
            name=f"output-{self._name}", daemon=True,
        ).start()  # fmt: skip

    def tail(self, count: int = TAIL_LINES) -> list[str]:
        """Return the last *count* lines."""
        with self._lock:
            return [line for _, line in self._ring][-count:]

    def after(self, number: int) -> list[tuple[int, str]]:
        """Return the kept lines with a number above *number*."""
        with self._lock:
            return [(at, line) for at, line in self._ring if at > number]

    def _drain(
        self, stream: IO[bytes], progressed: Callable[[], None], watch: Callable[[str], object]
    ) -> None:
        rest = b""
        told = 0.0
        budget, since = RATE, time.monotonic()
        with stream:
            while chunk := os.read(stream.fileno(), _CHUNK):
                now = self.last = time.monotonic()
                if now - told > 1.0:
                    told = now
                    progressed()
                if now - since > 1.0:
                    budget, since = RATE, now
                *lines, rest = (rest + chunk).split(b"\n")
                while len(rest) > LINE_LIMIT:
                    lines, rest = [*lines, rest[:LINE_LIMIT]], rest[LINE_LIMIT:]
                kept = lines[:budget]
                self.dropped += len(lines) - len(kept)
                budget -= len(kept)
                self._keep(kept, watch)
        if rest:
            self._keep([rest], watch)

    def _keep(self, lines: list[bytes], watch: Callable[[str], object]) -> None:
        texts = [clean(line) for line in lines]
        with self._lock:
            for text in texts:
                self._number += 1
                self._ring.append((self._number, text))
        for text in texts:
            self._show(text)
            watch(text)
        with self._file_lock:
            self._write("".join(f"{text}\n" for text in texts).encode())

    def _write(self, data: bytes) -> None:
        if not (self._path and data) or time.monotonic() < self._closed_until:
            return
        try:
            if self._file is None or self._size > FILE_LIMIT:
                self._open(self._path)
            assert self._file is not None  # noqa: S101  # _open sets it
            self._size += os.write(self._file, data)
        except OSError as error:  # full or read-only: the service goes on
            self._closed_until = time.monotonic() + _RETRY
            self._trouble(f"{self._path}: {error.strerror}")

    def _open(self, path: Path) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if path.exists() and path.stat().st_size > FILE_LIMIT:
            for number in range(FILES - 1, 0, -1):
                old = path.with_name(f"{path.name}.{number}")
                if old.exists():
                    old.replace(path.with_name(f"{path.name}.{number + 1}"))
            path.replace(path.with_name(f"{path.name}.1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(path, flags, 0o600)
        self._size = os.fstat(self._file).st_size


def open_log(
    name: str, folder: Path, show: Callable[[str], object], trouble: Callable[[str], None]
) -> Log:
    """Return the log of service *name*, in memory only if *folder* cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        trouble(f"{folder}: {error.strerror}")
        return Log(name, None, show, trouble)
    return Log(name, folder / f"{name}.log", show, trouble)


def clean(line: bytes) -> str:
    """Return *line* as text, cut to the limit, without values that look like secrets."""
    text = line[:LINE_LIMIT].decode("utf-8", "backslashreplace").rstrip("\r")
    return _SECRET.sub(r"\1…", text.replace("\0", "\\0"))
