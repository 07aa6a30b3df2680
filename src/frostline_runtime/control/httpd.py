"""The HTTP server of the control port: one request per connection, with limits.

Not `http.server`: importing it costs 20 ms and 7 MiB, and its time limit is for each byte, so a
slow client can hold a connection for ever.
"""

import json
import socket
import threading
import time
from pathlib import Path

from frostline_runtime.control.auth import SHELL_ORIGINS, authorise
from frostline_runtime.control.routes import (
    Body,
    RunningArtifact,
    Tokens,
    get,
    parse_query,
    post,
    problem,
)

CONNECTIONS = 16
HEAD_LIMIT = 8 * 1024
BODY_LIMIT = 1024 * 1024
TIMEOUT = 5.0
_OK, _NO_CONTENT = 200, 204
_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}
_REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 503: "Service Unavailable"}
_PAGES = {
    "/": ("status.html", "text/html; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/status.css": ("status.css", "text/css; charset=utf-8"),
    "/status.js": ("status.js", "text/javascript; charset=utf-8"),
}
_HEADERS = (
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n"
    "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; base-uri 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
)

Headers = dict[str, str]


class RequestError(Exception):
    """A request that is refused with *status*."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Server:
    """Answers requests on *listener*, a listening socket."""

    def __init__(
        self, listener: socket.socket, artifact: RunningArtifact, tokens: Tokens, pages: Path
    ) -> None:
        self._listener = listener
        self._port: int = listener.getsockname()[1]
        self._artifact = artifact
        self._tokens = tokens
        self._pages = pages
        self._slots = threading.BoundedSemaphore(CONNECTIONS)

    def start(self) -> None:
        """Answer in threads until the listening socket is closed."""
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._listener.fileno() < 0:
                    return
                time.sleep(0.1)  # no descriptors are left for the moment
                continue
            if self._slots.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._answer(connection, time.monotonic() + TIMEOUT)
        except OSError:  # the client has gone away
            pass
        finally:
            self._slots.release()

    def _answer(self, connection: socket.socket, deadline: float) -> None:
        method, origin = "", ""
        try:
            method, target, headers, rest = read_head(connection, deadline)
            origin = headers.get("origin", "")
            status, kind, data = self._respond(method, target, headers, connection, rest, deadline)
        except RequestError as error:
            status, kind, data = problem(error.status, str(error))
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n{_HEADERS}"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
        if origin in SHELL_ORIGINS:
            head += f"Access-Control-Allow-Origin: {origin}\r\nVary: Origin\r\n"
            head += "Access-Control-Allow-Headers: Authorization, Content-Type\r\n"
        connection.settimeout(TIMEOUT)
        connection.sendall(f"{head}\r\n".encode() + (b"" if method == "HEAD" else data))

    def _respond(  # the parts of a request
        self, method: str, target: str, headers: Headers, connection: socket.socket, rest: bytes,
        deadline: float,
    ) -> Body:  # fmt: skip
        path, _, query = target.partition("?")
        access = authorise(method, path, headers, self._port, self._tokens.accepted())
        if access.status == _NO_CONTENT:
            return _NO_CONTENT, "text/plain", b""
        if access.status != _OK:
            raise RequestError(access.status, access.reason)
        if method == "POST":
            body = read_body(connection, headers, rest, deadline)
            return post(self._artifact, self._tokens, path, body)
        if path in _PAGES:
            name, kind = _PAGES[path]
            return _OK, kind, (self._pages / name).read_bytes()
        return get(self._artifact, path, parse_query(query), known=access.known)


def read_head(connection: socket.socket, deadline: float) -> tuple[str, str, Headers, bytes]:
    """Return method, target, headers by lower-case name, and the bytes read after them.

    Raises RequestError if it is not HTTP, too long, or not complete before *deadline*.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > HEAD_LIMIT:
            raise RequestError(431, "the headers are too long")
        received += _receive(connection, deadline)
    head, _, rest = received.partition(b"\r\n\r\n")
    if len(head) > HEAD_LIMIT:
        raise RequestError(431, "the headers are too long")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004  # method, target, version
        raise RequestError(400, "this is not HTTP")
    if words[0] not in _METHODS:
        raise RequestError(405, f"the method {words[0]} is not allowed")
    headers: Headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or name != name.strip() or (key in headers and key in {"host", "origin"}):
            raise RequestError(400, "the headers are malformed")
        headers[key] = value.strip()
    return words[0], words[1], headers, rest


def read_body(
    connection: socket.socket, headers: Headers, received: bytes, deadline: float
) -> dict[str, object]:
    """Return the body, a JSON object that begins with *received*. Raises RequestError."""
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > BODY_LIMIT:
        raise RequestError(413, "the body is too long")
    while len(received) < int(length):
        received += _receive(connection, deadline)
    try:
        body = json.loads(received or b"{}")
    except ValueError:
        raise RequestError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise RequestError(400, "the body is not a JSON object")
    return body


def _receive(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise RequestError(408, "the request did not come in time")
    connection.settimeout(left)
    try:
        chunk = connection.recv(16 * 1024)
    except TimeoutError:
        raise RequestError(408, "the request did not come in time") from None
    if not chunk:
        raise ConnectionAbortedError
    return chunk
