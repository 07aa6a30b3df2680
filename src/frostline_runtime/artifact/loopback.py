"""HTTP requests to a port of this machine.

Not `http.client`: its time limit is for each byte, and its import costs every start 15 ms.
"""

import socket
import time
from dataclasses import dataclass

# Names the instance that has answered.
INSTANCE_HEADER = "X-Frostline-Instance"
_BODY_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(
    method: str, path: str, port: int, timeout: float, *, headers: str = "", body: bytes = b""
) -> Answer:
    """Return the answer of 127.0.0.1:*port*; the whole of it must come within *timeout* seconds.

    Uses no proxy and follows no redirect. Raises OSError, and ValueError if it is not HTTP.
    """
    deadline = time.monotonic() + timeout
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        if body:
            head += f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}{headers}\r\n".encode() + body)
        return _read(connection, method, deadline)


def _read(connection: socket.socket, method: str, deadline: float) -> Answer:
    received = b""
    status, headers, start, length = 0, dict[str, str](), -1, -1
    while True:
        if start < 0 and (end := received.find(b"\r\n\r\n")) >= 0:
            status, headers = _parse_head(received[:end])
            start = end + 4
            length = int(headers.get("content-length", "-1"))
            if method == "HEAD" or status in {204, 304}:
                length = 0
        if start >= 0 and 0 <= length <= len(received) - start:
            break
        if len(received) > _BODY_LIMIT:
            break
        left = deadline - time.monotonic()
        if left <= 0:
            message = "no whole answer in time"
            raise TimeoutError(message)
        connection.settimeout(left)
        chunk = connection.recv(16 * 1024)
        if not chunk:
            break
        received += chunk
    if start < 0:
        message = "closed without an answer" if not received else "its answer is not HTTP"
        raise ValueError(message)
    body = received[start:]
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunk(body)
    return Answer(status, headers, body[:_BODY_LIMIT])


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/1.") or not status[:3].isdigit():
        message = "its answer is not HTTP"
        raise ValueError(message)
    pairs = (line.partition(":") for line in rest)
    return int(status[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _unchunk(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size.partition(b";")[0] or b"0", 16)
        if not count:
            break
        body += data[:count]
        data = data[count + 2 :]
    return body
