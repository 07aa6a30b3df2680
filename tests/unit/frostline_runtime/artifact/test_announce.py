"""Events for the desktop shell, and readers that are slow or gone."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

import frostline_runtime
from frostline_runtime.artifact.announce import Announcer, Outlet

Pipe = tuple[TextIO, TextIO]
SOURCE = str(Path(frostline_runtime.__file__).parents[1])


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Return the reader and the writer of a pipe."""
    ends = os.pipe()
    with os.fdopen(ends[0], encoding="utf-8") as reader:
        writer = os.fdopen(ends[1], "w", encoding="utf-8")
        try:
            yield reader, writer
        finally:
            with contextlib.suppress(OSError):
                writer.close()


def threads_since(before: set[threading.Thread]) -> set[threading.Thread]:
    """Return the threads started after *before* that still run ten seconds later."""
    for thread in (started := set(threading.enumerate()) - before):
        thread.join(10)
    return {thread for thread in started if thread.is_alive()}


def test_events(pipe: Pipe) -> None:
    """Each event is one numbered line of plain ASCII, whatever its fields hold."""
    reader, writer = pipe
    announcer = Announcer(writer)
    announcer.emit("hello", name="\u00e9\n\u2028", ports={"api": 1})
    announcer.emit("stopped", left=[])
    lines = [reader.readline() for _ in range(2)]
    announcer.close()
    assert all(line.isascii() for line in lines)
    assert [json.loads(line) for line in lines] == [
        {"frostline": 1, "event": "hello", "seq": 0, "name": "\u00e9\n\u2028", "ports": {"api": 1}},
        {"frostline": 1, "event": "stopped", "seq": 1, "left": []},
    ]


def test_close_writes_all_events(pipe: Pipe) -> None:
    """All events emitted before `close` are in the pipe when `close` returns."""
    reader, writer = pipe
    announcer = Announcer(writer)
    for number in range(100):
        announcer.emit("event", number=number)
    announcer.close()
    writer.close()
    assert [json.loads(line)["number"] for line in reader] == list(range(100))


@pytest.mark.parametrize("closed", ["reader", "writer"])
def test_a_stream_that_is_gone(pipe: Pipe, closed: str) -> None:
    """A closed stream raises nothing: events are dropped and the thread ends."""
    reader, writer = pipe
    (reader if closed == "reader" else writer).close()
    before = set(threading.enumerate())
    announcer = Announcer(writer)
    for number in range(100):
        announcer.emit("event", number=number)
    announcer.close()
    assert threads_since(before) == set()


def test_a_broken_stream_does_not_fill_the_buffer(pipe: Pipe) -> None:
    """After the reader has ended, lines are dropped, and the buffer has room again."""
    reader, writer = pipe
    reader.close()
    before = set(threading.enumerate())
    outlet = Outlet(writer)
    for _ in range(5000):
        outlet.put("x" * 100)
    assert outlet.put_last()
    assert threads_since(before) == set()


def test_a_slow_reader(pipe: Pipe) -> None:
    """A slow reader blocks no caller; dropped lines are counted, later ones are written."""
    reader, writer = pipe
    outlet = Outlet(writer)
    taken: list[bool] = []

    def flood() -> None:
        taken.extend(outlet.put(f"{number:0200}") for number in range(5000))

    flooding = threading.Thread(target=flood, daemon=True)
    flooding.start()
    flooding.join(30)
    assert len(taken) == 5000
    assert 0 < outlet.dropped == taken.count(False)
    written = [int(reader.readline()) for _ in range(taken.count(True))]
    assert written == [number for number, good in enumerate(taken) if good]
    assert outlet.put("again")
    assert reader.readline() == "again\n"
    outlet.close()


def test_numbers_have_no_gaps(pipe: Pipe) -> None:
    """A dropped event uses up no number."""
    reader, writer = pipe
    before = set(threading.enumerate())
    announcer = Announcer(writer)
    for number in range(5000):
        announcer.emit("event", number=number, filler="x" * 200)
    lines: list[str] = []
    reading = threading.Thread(target=lambda: lines.extend(reader), daemon=True)
    reading.start()
    announcer.close()
    assert threads_since({*before, reading}) == set()
    writer.close()
    reading.join(10)
    events = [json.loads(line) for line in lines]
    assert 0 < len(events) < 5000
    assert [event["seq"] for event in events] == list(range(len(events)))


def test_say_without_a_reader() -> None:
    """`say` does not raise when standard error is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    code = (
        "from frostline_runtime.artifact.announce import say; say('x'); say('y'); print('goes on')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": SOURCE},
            check=True, stdout=subprocess.PIPE, stderr=writer, text=True,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.stdout == "goes on\n"
