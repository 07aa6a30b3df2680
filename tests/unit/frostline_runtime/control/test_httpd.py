"""Reading requests on the control port."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from frostline_runtime.control.httpd import RequestError, read_body, read_head

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Return two connected sockets: a client's and ours."""
    client, ours = socket.socketpair()
    with client, ours:
        yield client, ours


def test_a_request(pair: Pair) -> None:
    """A request may come in pieces, with the beginning of the body after the header."""
    client, ours = pair
    for piece in (b"POST /a?b=c HTTP/1.1\r\nHo", b"st: x\r\nContent-Length: 8\r\n\r\n", b'{"a":'):
        client.sendall(piece)
    deadline = time.monotonic() + 20
    method, target, headers, rest = read_head(ours, deadline)
    assert (method, target, headers["host"]) == ("POST", "/a?b=c", "x")
    client.sendall(b" 1}")
    assert read_body(ours, headers, rest, deadline) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nOrigin: a\r\norigin: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"x" * 20000, 431),
    ],
)
def test_bad_requests(pair: Pair, data: bytes, status: int) -> None:
    """Malformed, ambiguous or too long requests get the right status."""
    client, ours = pair
    client.sendall(data)
    with pytest.raises(RequestError) as caught:
        read_head(ours, time.monotonic() + 20)
    assert caught.value.status == status


def test_the_longest_head(pair: Pair) -> None:
    """A head of 8 KiB is read, also if its end comes later; a byte more is refused."""
    client, ours = pair
    head = b"GET / HTTP/1.1\r\nX: ".ljust(8192, b"x")
    client.sendall(head)
    later = threading.Timer(0.05, client.sendall, [b"\r\n\r\nbody"])
    later.start()
    _, _, headers, rest = read_head(ours, time.monotonic() + 5)
    later.join()
    assert (len(headers["x"]), rest) == (8192 - len("GET / HTTP/1.1\r\nX: "), b"body")
    client.sendall(head + b"x\r\n\r\n")
    with pytest.raises(RequestError):
        read_head(ours, time.monotonic() + 5)


def test_a_header_that_comes_twice(pair: Pair) -> None:
    """The last value counts, except where two values are ambiguous."""
    client, ours = pair
    client.sendall(b"GET / HTTP/1.1\r\nAccept: a\r\nAccept: b\r\n\r\n")
    assert read_head(ours, time.monotonic() + 0.5)[2] == {"accept": "b"}


def test_a_client_that_goes_away(pair: Pair) -> None:
    """It is a broken connection, not a bad request."""
    client, ours = pair
    client.sendall(b"GET / HT")
    client.close()
    with pytest.raises(ConnectionAbortedError):
        read_head(ours, time.monotonic() + 2)


def test_a_request_after_the_time_limit(pair: Pair) -> None:
    """It is refused although its bytes are here."""
    client, ours = pair
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(RequestError) as caught:
        read_head(ours, time.monotonic() - 1)
    assert caught.value.status == 408


def test_a_slow_client(pair: Pair) -> None:
    """The time limit is for the whole header, not for each byte."""
    client, ours = pair
    client.sendall(b"GET / HT")
    with pytest.raises(RequestError) as caught:
        read_head(ours, time.monotonic() + 0.05)
    assert caught.value.status == 408


@pytest.mark.parametrize(
    ("length", "data", "status"),
    [("-1", b"", 413), (str(1024 * 1024 + 1), b"", 413), ("2", b"x]", 400), ("2", b"[]", 400)],
)
def test_bad_bodies(pair: Pair, length: str, data: bytes, status: int) -> None:
    """A body must be a JSON object within the size limit."""
    with pytest.raises(RequestError) as caught:
        read_body(pair[1], {"content-length": length}, data, time.monotonic() + 20)
    assert caught.value.status == status


def test_no_body_is_an_empty_object(pair: Pair) -> None:
    """A client may leave out the body and its length."""
    assert read_body(pair[1], {}, b"", time.monotonic() + 2) == {}


def test_the_longest_body(pair: Pair) -> None:
    """A body of 1 MiB is read."""
    data = b'{"a": "' + b"x" * (1024 * 1024 - 9) + b'"}'
    headers = {"content-length": str(1024 * 1024)}
    assert read_body(pair[1], headers, data, time.monotonic() + 2).keys() == {"a"}
