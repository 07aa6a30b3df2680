"""Watches the output of a service for lines that tell its state or its port."""

import re
from collections.abc import Callable
from functools import partial

from frostline_runtime.artifact.manifest import Service
from frostline_runtime.model import llamafile
from frostline_runtime.supervision.events import Event, Fetching, Probed
from frostline_runtime.supervision.launch import Address, How

Put = Callable[[Event], None]
Watcher = Callable[[str], None]


def line_watcher(
    service: Service, run: int, how: How, address: Address | None, put: Put,
    elsewhere: Callable[[], None],
) -> Watcher:  # fmt: skip
    """Return a function to call with each line of output of a *run* that was started by *how*.

    It puts events or sets the port of *address*. It calls *elsewhere* when an old llamafile
    listens on another port than it was given.
    """
    port, startup = service.port, service.startup
    if how == "prepare":
        return partial(_fetching, service.name, run, put)
    if how == "llamafile" and address:
        return partial(_listening, address, elsewhere)
    if port and port.mode == "announced" and address:
        return partial(_announcing, address, re.compile(port.pattern))
    if startup and startup.kind == "line":
        return partial(_ready, service.name, run, put, re.compile(startup.pattern))
    return lambda _: None


def _fetching(name: str, run: int, put: Put, line: str) -> None:
    told = llamafile.progress(line)
    if told:
        what, share = told
        put(Fetching(name, run, share or 0.0, f"fetching {what}"))


def _listening(address: Address, elsewhere: Callable[[], None], line: str) -> None:
    if llamafile.listens_elsewhere(line, address.number):
        elsewhere()


def _announcing(address: Address, pattern: re.Pattern[str], line: str) -> None:
    found = pattern.search(line)
    if found and not address.number:
        address.number = int(found[1])


def _ready(name: str, run: int, put: Put, pattern: re.Pattern[str], line: str) -> None:
    if pattern.search(line):
        put(_said_ready(name, run))


def watch_descriptor(descriptor: int, name: str, run: int, put: Put) -> None:
    """Read *descriptor* to its end; a newline means that the *run* of *name* is ready."""
    with open(descriptor, "rb", buffering=0) as pipe:  # a number, no path
        while data := pipe.read(1024):
            if b"\n" in data:
                put(_said_ready(name, run))


def _said_ready(name: str, run: int) -> Probed:
    return Probed(name, run, "startup", alive=True, healthy=True)
