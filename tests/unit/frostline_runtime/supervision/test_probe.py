"""Probes, and which answers are healthy."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from frostline_runtime.artifact.manifest import Probe
from frostline_runtime.supervision import probe

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that answers one connection with the given bytes, and returns its port."""
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
        (b"HTTP/1.1 200 OK\r\nX-Frostline-Instance: other\r\n\r\n", False, False, "by another"),
        (b"HTTP/1.1 200 OK\r\nX-Frostline-Instance: mine\r\n\r\n", True, True, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", False, False, "invalid literal"),
    ],
)  # fmt: skip
def test_answers(serve: Serve, answer: bytes, *, alive: bool, healthy: bool, detail: str) -> None:
    """An expected status of this instance is healthy; any other HTTP answer is alive."""
    result = probe.ask(Probe(), serve(answer), "mine")
    assert (result.alive, result.healthy) == (alive, healthy)
    assert detail in result.detail


def test_a_silent_service(serve: Serve) -> None:
    """The time limit ends the probe of a silent service."""
    began = time.monotonic()
    result = probe.ask(Probe(path="/x", timeout=0.2), serve(b""))
    assert time.monotonic() - began < 2
    assert (result.alive, result.detail) == (False, "/x: timed out")


def test_single_bytes_do_not_extend_the_limit() -> None:
    """A service that sends a byte now and then gets no more time."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            with closing(listener.accept()[0]) as connection, contextlib.suppress(OSError):
                while not ended.wait(0.05):
                    connection.sendall(b"x")

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        found: list[probe.ProbeResult] = []

        def ask() -> None:
            found.append(probe.ask(Probe(timeout=0.3), listener.getsockname()[1]))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(5)
        ended.set()
        dripping.join(5)
        assert [(result.alive, result.healthy) for result in found] == [(False, False)]


def test_a_redirect_is_not_followed() -> None:
    """A redirect to a healthy answer is not healthy."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with closing(listener.accept()[0]) as connection:
                        asked.append(connection.recv(65536).split(b" ")[1])
                        there = asked[-1] == b"/there"
                        where = f"Location: http://127.0.0.1:{port}/there\r\n".encode()
                        first = b"HTTP/1.1 302 Found\r\n" + where + b"Content-Length: 0\r\n\r\n"
                        connection.sendall(OK + b'{"status":"ok"}' if there else first)

        threading.Thread(target=run, daemon=True).start()
        result = probe.ask(Probe(path="/here"), port)
        assert (result.alive, result.healthy, asked) == (True, False, [b"/here"])
        listener.shutdown(socket.SHUT_RDWR)


def test_closed_without_an_answer() -> None:
    """A service that closes the connection is not alive, and the detail says why."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with closing(listener.accept()[0]) as connection:
                connection.recv(65536)

        threading.Thread(target=hang_up, daemon=True).start()
        result = probe.ask(Probe(path="/x"), listener.getsockname()[1])
    assert result == probe.ProbeResult(
        healthy=False, alive=False, detail="/x: closed without an answer"
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"a": {"b": "ok"}}', ""),
        (b'{"a": {"b": 3}}', "/a/b is 3"),
        (b'{"a": "ok"}', "has no /a/b"),
        (b"not json", "has no /a/b"),
        (b"\xff\xfe\xfd", "has no /a/b"),
        (b"", "has no /a/b"),
    ],
)
def test_bodies(serve: Serve, body: bytes, detail: str) -> None:
    """With a pointer, the value in the JSON body decides; other bodies are alive only."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    result = probe.ask(Probe(pointer="/a/b", equals="ok"), serve(answer))
    assert (result.alive, result.healthy) == (True, not detail)
    assert detail in result.detail


def test_a_refused_connection() -> None:
    """A service that refuses connections is not alive, and the detail says so."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        result = probe.ask(Probe(), taken.getsockname()[1])
    assert "refused" in result.detail


def test_a_chunked_body(serve: Serve) -> None:
    """A chunked body is decoded."""
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'8\r\n{"status\r\n9;x=y\r\n": "ok"}\n\r\n0\r\n\r\n'
    )
    assert probe.ask(Probe(pointer="/status", equals="ok"), serve(answer)).healthy


def test_tcp() -> None:
    """A probe of kind tcp only connects."""
    question = Probe(kind="tcp", timeout=0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert probe.ask(question, port).healthy
    result = probe.ask(question, port)
    assert (result.alive, result.healthy) == (False, False)
    assert f"port {port}" in result.detail


def test_an_instance_that_is_not_known(serve: Serve) -> None:
    """Any instance may answer, if none is expected; the detail of another one names the path."""
    other = b"HTTP/1.1 200 OK\r\nX-Frostline-Instance: other\r\n\r\n"
    assert probe.ask(Probe(), serve(other)) == probe.ProbeResult(healthy=True)
    assert probe.ask(Probe(path="/x"), serve(other), "mine") == probe.ProbeResult(
        healthy=False, alive=False, detail="/x: answered by another instance"
    )


@pytest.mark.parametrize(
    ("asked", "status", "body", "detail"),
    [
        (Probe(), 200, b"", ""),
        (Probe(), 204, b"", "unexpected: /health answered 204"),
        (Probe(path="/x"), 503, b"", "not yet: /x answered 503"),
        (Probe(statuses=(204,)), 204, b"", ""),
        (Probe(pointer="/a", equals="3"), 200, b'{"a": 3}', ""),
        (Probe(pointer="/a", equals="4"), 200, b'{"a": 3}', "/health: /a is 3"),
        (Probe(pointer="/b", equals="4"), 200, b'{"a": 3}', "/health has no /b"),
        (Probe(pointer="/a", equals="3"), 503, b'{"a": 3}', "not yet: /health answered 503"),
    ],
)
def test_judgements(asked: Probe, status: int, body: bytes, detail: str) -> None:
    """The status decides first, then the value; whoever answers is alive."""
    found = probe.judge(asked, status, body)
    expected = probe.ProbeResult(healthy=not detail, alive=True, detail=detail)
    assert found == expected
    assert (found.certain, found.lag) == (False, None)


NO_ANSWER = probe.ProbeResult(healthy=False, alive=False, detail="no answer")
NO_MAIN_THREAD = probe.ProbeResult(healthy=False, alive=False, certain=True)


@pytest.mark.parametrize(
    ("result", "lag", "alive"),
    [
        (NO_ANSWER, None, False),
        (NO_ANSWER, 0.001, False),  # the loop runs, but does not answer
        (NO_ANSWER, 0.25, True),
        (NO_ANSWER, 12.0, True),
        (NO_ANSWER, 60.0, True),
        (NO_ANSWER, 60.5, False),  # blocked for too long
        (NO_MAIN_THREAD, 12.0, False),
        (probe.ProbeResult(healthy=True), 12.0, True),
    ],
)
def test_busy_is_not_hung(result: probe.ProbeResult, lag: float | None, *, alive: bool) -> None:
    """C3: a blocked event loop counts as busy for a minute."""
    applied = probe.apply_lag(result, lag)
    assert applied.alive is alive
    assert ("busy" in applied.detail) is (alive and not result.healthy)
    assert applied.healthy is result.healthy
