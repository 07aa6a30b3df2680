"""Reading the state of a service from its output."""

import os
from collections.abc import Callable

import pytest

from frostline_runtime.artifact.manifest import Port, Probe, Service
from frostline_runtime.supervision.events import Event, Fetching, Probed
from frostline_runtime.supervision.launch import Address, How
from frostline_runtime.supervision.watchers import Watcher, line_watcher, watch_descriptor

READY = Probed("main", 3, "startup", alive=True, healthy=True)
Elsewhere = Callable[[], None]


def watcher(
    service: Service, events: list[Event], *, how: How = "command", address: Address | None = None,
    elsewhere: Elsewhere = lambda: None,
) -> Watcher:  # fmt: skip
    """Return a watcher for run 3 of *service* that adds to *events*."""
    return line_watcher(service, 3, how, address, events.append, elsewhere)


@pytest.mark.parametrize(
    ("service", "how", "line", "expected"),
    [
        (
            Service(name="main"),
            "prepare",
            "m: 5 of 10 bytes",
            Fetching("main", 3, 0.5, "fetching m"),
        ),
        (
            Service(name="main"),
            "prepare",
            "m: 5 of ? bytes",
            Fetching("main", 3, 0.0, "fetching m"),
        ),
        (Service(name="main"), "command", "m: 5 of 10 bytes", None),
        (Service(name="main", startup=Probe(kind="line", pattern="^up")), "command", "up!", READY),
        (
            Service(name="main", startup=Probe(kind="line", pattern="^up")),
            "command",
            "not up",
            None,
        ),
    ],
)
def test_lines_that_become_events(
    service: Service, how: How, line: str, expected: Event | None
) -> None:
    """Progress of a preparation, and the line that reports a service as ready."""
    events: list[Event] = []
    watcher(service, events, how=how)(line)
    assert events == ([expected] if expected else [])


def test_an_announced_port() -> None:
    """The first line with a port is the announcement."""
    port = Port(mode="announced")
    address = Address(port)
    watch = watcher(Service(name="main", port=port), [], address=address)
    for line in ("starting", '{"port": 4711}', '{"port": 9}'):
        watch(line)
    assert address.number == 4711


def test_a_llamafile_on_another_port() -> None:
    """`elsewhere` is called if an old version listens on another port than it was given."""
    address = Address(Port(mode="ephemeral", by="argument"))
    ended: list[bool] = []
    watch = watcher(
        Service(name="main", kind="llamafile"), [], how="llamafile", address=address,
        elsewhere=lambda: ended.append(True),
    )  # fmt: skip
    watch(f"llama server listening at http://127.0.0.1:{address.number}")
    assert not ended
    watch(f"llama server listening at http://127.0.0.1:{address.number + 1}")
    assert ended


def test_a_newline_on_the_descriptor() -> None:
    """A newline reports the service as ready; the end of the pipe does not."""
    events: list[Event] = []
    for data in (b"", b"x", b"READY=1\n"):
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        watch_descriptor(reader, "main", 3, events.append)
    assert events == [READY]
