"""Output of services: kept, cut, cleaned, rotated."""

import contextlib
import os
import queue
import sys
import threading
import time
from pathlib import Path

import pytest

from frostline_runtime.supervision import output
from frostline_runtime.supervision.output import Log, clean, open_log


def feed(log: Log, data: bytes) -> None:
    """Let a service write *data* and end."""
    reader, writer = os.pipe()
    log.attach(os.fdopen(reader, "rb", buffering=0), lambda: None)
    with os.fdopen(writer, "wb") as stream:
        stream.write(data)
    for thread in threading.enumerate():
        if thread.name == "output-main":
            thread.join()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"plain\r", "plain"),
        (b"a box\r", "a box"),
        (b"\xff\x00", "\\xff\\0"),
        (b"password: hunter2, next", "password: \xe2\x80\xa6, next".encode("latin-1").decode()),
        (b"API_KEY=abc&x=1", "API_KEY=\u2026&x=1"),
        (b'{"token": "abc"}', '{"token": "\u2026"}'),
        (b"100 tokens generated", "100 tokens generated"),
    ],
)
def test_clean(line: bytes, text: str) -> None:
    """Any bytes become text; values that look like secrets are removed."""
    assert clean(line) == text


def test_lines_are_numbered_over_all_runs(tmp_path: Path) -> None:
    """Numbers go on after a restart, so a client can ask for newer lines."""
    log = Log("main", tmp_path / "main.log", lambda _: None, lambda _: None)
    feed(log, b"one\ntwo\n")
    feed(log, b"three")
    assert log.after(1) == [(2, "two"), (3, "three")]
    assert log.tail(1) == ["three"]
    assert (tmp_path / "main.log").read_text(encoding="utf-8") == "one\ntwo\nthree\n"


def test_endless_line_is_cut(tmp_path: Path) -> None:
    """No line is longer than the limit."""
    log = Log("main", None, lambda _: None, lambda _: None)
    feed(log, b"x" * (3 * output.LINE_LIMIT))
    assert max(len(line) for line in log.tail()) <= output.LINE_LIMIT
    assert len(log.tail()) >= 3
    assert not list(tmp_path.iterdir())


def test_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most five old files are kept; number one is the newest."""
    monkeypatch.setattr(output, "FILE_LIMIT", 10)
    log = Log("main", tmp_path / "main.log", lambda _: None, lambda _: None)
    for number in range(9):
        feed(log, f"line {number} of the log\n".encode())
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["main.log", *(f"main.log.{number}" for number in range(1, 6))]
    assert (tmp_path / "main.log.1").read_text(encoding="utf-8") == "line 7 of the log\n"


def test_trouble_is_reported_once(tmp_path: Path) -> None:
    """A log that cannot be written gives one message, not one per line."""
    told: list[str] = []
    log = Log("main", tmp_path / "absent" / "main.log", lambda _: None, told.append)
    feed(log, b"one\n")
    feed(log, b"two\n")
    assert len(told) == 1
    assert log.tail() == ["one", "two"]


class Written:
    """A service whose output is read, and a clock that only the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 5000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.shown: queue.Queue[str] = queue.Queue()
        self.progress: list[float] = []
        self.watched: list[str] = []
        self.log = Log("main", None, self.shown.put, lambda _: None)
        reader, self.writer = os.pipe()
        self.log.attach(
            os.fdopen(reader, "rb", buffering=0),
            lambda: self.progress.append(self.now),
            self.watched.append,
        )

    def write(self, data: bytes, lines: int) -> list[str]:
        """Write *data*, and return the *lines* that are shown then."""
        os.write(self.writer, data)
        return [self.shown.get(timeout=20) for _ in range(lines)]

    def close(self) -> None:
        """End the service."""
        os.close(self.writer)
        for thread in threading.enumerate():
            if thread.name == "output-main":
                thread.join()


def test_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many lines a second are kept, the others counted; progress is told once a second."""
    monkeypatch.setattr(output, "RATE", 3)
    written = Written(monkeypatch)
    log = written.log
    assert (log.last, log.dropped) == (5000.0, 0)
    assert written.write(b"1\n2\n", 2) == ["1", "2"]
    assert written.write(b"3\n4\n", 1) == ["3"]
    assert (written.progress, log.dropped) == ([5000.0], 1)
    written.now += 1.5
    assert written.write(b"5\n6\n7\n8\n9\n", 3) == ["5", "6", "7"]
    written.close()
    assert (written.progress, log.dropped, log.last) == ([5000.0, 5001.5], 3, 5001.5)
    assert written.shown.empty()
    assert log.tail() == written.watched == ["1", "2", "3", "5", "6", "7"]


def test_the_longest_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of just the limit is one line."""
    monkeypatch.setattr(output, "LINE_LIMIT", 4)
    written = Written(monkeypatch)
    assert written.write(b"x\nabcd", 1) == ["x"]
    assert written.write(b"\n", 1) == ["abcd"]
    written.close()
    assert written.log.tail() == ["x", "abcd"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows renames no open file")
def test_a_log_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start writes to the same file, which only its user may read, up to its limit."""
    monkeypatch.setattr(output, "FILE_LIMIT", 10)
    path = tmp_path / "main.log"
    feed(Log("main", path, lambda _: None, lambda _: None), b"1234567\n")
    log = Log("main", path, lambda _: None, lambda _: None)
    feed(log, b"1234\n")
    assert path.read_bytes() == b"1234567\n1234\n"
    assert path.stat().st_mode & 0o777 == 0o600
    old = log._file
    assert old is not None
    feed(log, b"new\n")
    assert path.read_bytes() == b"new\n"
    aside = tmp_path / "main.log.1"
    assert aside.read_bytes() == b"1234567\n1234\n"
    with contextlib.suppress(OSError):  # it is closed
        assert not os.path.samestat(os.fstat(old), aside.stat())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows renames no open file")
def test_a_log_whose_folder_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written to a descriptor that is closed: it may be another file's."""
    monkeypatch.setattr(output, "FILE_LIMIT", 2)
    told: list[str] = []
    log = Log("main", tmp_path / "folder" / "main.log", lambda _: None, told.append)
    (tmp_path / "folder").mkdir()
    feed(log, b"long\n")
    (tmp_path / "folder").rename(tmp_path / "away")
    feed(log, b"long\n")
    assert (log._file, len(told)) == (None, 1)


def test_where_logs_lie(tmp_path: Path) -> None:
    """Their folder is made; if that fails, they are in memory, and people are told."""
    told: list[str] = []
    for text in (b"one\n", b"two\n"):
        feed(open_log("main", tmp_path / "a" / "b", lambda _: None, told.append), text)
    assert (tmp_path / "a" / "b" / "main.log").read_bytes() == b"one\ntwo\n"
    assert told == []
    log = open_log("main", tmp_path / "a" / "b" / "main.log", lambda _: None, told.append)
    feed(log, b"three\n")
    assert log.tail() == ["three"]
    (message,) = told
    assert message.startswith(f"{tmp_path / 'a' / 'b' / 'main.log'}: ")
