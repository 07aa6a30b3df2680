"""Output of services: kept, cut, cleaned, rotated."""

import os
import threading
from pathlib import Path

import pytest

from frostline_runtime.supervision import output
from frostline_runtime.supervision.output import Log, clean


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
