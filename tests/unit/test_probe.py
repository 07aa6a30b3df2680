"""Questions to services, and what counts as an answer."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from frostline_runtime import probe
from frostline_runtime.manifest import Probe

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that answers one connection with the given bytes, on a port."""
    listeners: list[socket.socket] = []

    def start(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            with closing(listener.accept()[0]) as connection:
                connection.recv(65536)
                connection.sendall(answer)
                if not answer:
                    connection.settimeout(5)
                    connection.recv(1)

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "alive", "healthy", "detail"),
    [
        (OK + b'{"status":"ok"}', True, True, ""),
        (b"HTTP/1.0 200 OK\r\n\r\n", True, True, ""),
        (b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", True, False, "not yet"),
        (b"HTTP/1.1 302 X\r\nLocation: /\r\n\r\n", True, False, "answered 302"),
        (b"hello\r\n\r\n", False, False, "not HTTP"),
        (b"HTTP/1.1 abc X\r\n\r\n", False, False, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX-Frostline-Instance: other\r\n\r\n", False, False, "stranger"),
        (b"HTTP/1.1 200 OK\r\nX-Frostline-Instance: mine\r\n\r\n", True, True, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", False, False, "invalid literal"),
    ],
)  # fmt: skip
def test_answers(serve: Serve, answer: bytes, *, alive: bool, healthy: bool, detail: str) -> None:
    """Only an expected status of our own instance is healthy; any HTTP is a sign of life."""
    verdict = probe.ask(Probe(), serve(answer), "mine")
    assert (verdict.alive, verdict.healthy) == (alive, healthy)
    assert detail in verdict.detail


def test_silence_has_an_end(serve: Serve) -> None:
    """The whole answer has one time limit."""
    began = time.monotonic()
    verdict = probe.ask(Probe(timeout=0.2), serve(b""))
    assert not verdict.alive
    assert time.monotonic() - began < 2


def test_nobody_listens() -> None:
    """Refused is no answer."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        verdict = probe.ask(Probe(), taken.getsockname()[1])
    assert "refused" in verdict.detail


def test_chunks(serve: Serve) -> None:
    """A chunked body is read for its pointer."""
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'8\r\n{"status\r\n9;x=y\r\n": "ok"}\n\r\n0\r\n\r\n'
    )
    assert probe.ask(Probe(pointer="/status", equals="ok"), serve(answer)).healthy


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("", {"a/b": [{"~": 1}]}), ("/a~1b/0/~0", 1), ("/a~1b/0", {"~": 1})],
)
def test_pointer(pointer: str, found: object) -> None:
    """RFC 6901, with its escapes."""
    assert probe.resolve_pointer({"a/b": [{"~": 1}]}, pointer) == found


@pytest.mark.parametrize("pointer", ["/x", "/a/1", "/a/-1", "/a/0/b", "/a/01x"])
def test_pointer_to_nothing(pointer: str) -> None:
    """One kind of error for all that is not there."""
    with pytest.raises(LookupError):
        probe.resolve_pointer({"a": [1]}, pointer)
