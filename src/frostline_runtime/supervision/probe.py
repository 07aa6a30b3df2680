"""Asks a service whether it answers."""

import json
import socket
import time
from dataclasses import dataclass

from frostline_runtime.artifact.manifest import Probe
from frostline_runtime.supervision.looplag import PATIENCE

_BODY_LIMIT = 64 * 1024
DEAD_LOOP = 60.0
INSTANCE_HEADER = "X-Frostline-Instance"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe found: *alive* is any answer; *detail* says why it is not healthy.

    *certain*: it is not alive, whatever further probes would say.
    """

    healthy: bool
    alive: bool = True
    detail: str = ""
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(probe: Probe, port: int, instance: str = "") -> Verdict:
    """Return the verdict of one question to 127.0.0.1:*port*; no proxy, no redirect.

    An answer that names another instance than *instance* is a stranger's.
    """
    if probe.kind == "tcp":
        return _connect(port, probe.timeout)
    try:
        answer = request(probe.method, probe.path, port, probe.timeout)
    except (OSError, ValueError) as error:
        detail = f"{probe.path}: {str(error) or type(error).__name__}"
        return Verdict(healthy=False, alive=False, detail=detail)
    said = answer.headers.get(INSTANCE_HEADER.lower(), instance)
    if instance and said != instance:
        return Verdict(healthy=False, alive=False, detail=f"{probe.path}: answered by a stranger")
    return judge(probe, answer.status, answer.body)


def excuse(verdict: Verdict, lag: float | None) -> Verdict:
    """Return *verdict*, or that the service is only busy: its event loop is silent for *lag*.

    A loop that turns and still does not answer is no excuse, nor one that has stopped for good.
    """
    if verdict.alive or verdict.certain or lag is None or not PATIENCE <= lag <= DEAD_LOOP:
        return verdict
    detail = f"busy: its event loop has been silent for {lag:.1f} s"
    return Verdict(healthy=False, detail=detail)


def _connect(port: int, timeout: float) -> Verdict:
    try:
        socket.create_connection(("127.0.0.1", port), timeout).close()
    except OSError as error:
        return Verdict(healthy=False, alive=False, detail=f"port {port}: {error}")
    return Verdict(healthy=True)


def request(
    method: str, path: str, port: int, timeout: float, *, headers: str = "", body: bytes = b""
) -> Answer:
    """Return the answer of 127.0.0.1:*port*, all of it within *timeout* seconds.

    Raises OSError, and ValueError if it is not HTTP. Not `http.client`: its time limit is for
    each byte, and its import costs 15 ms of every start.
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


def judge(probe: Probe, status: int, body: bytes) -> Verdict:
    """Return the verdict on an answer with *status* and *body*."""
    if status not in probe.statuses:
        kind = "not yet" if status in probe.not_yet else "unexpected"
        return Verdict(healthy=False, detail=f"{kind}: {probe.path} answered {status}")
    if not probe.pointer:
        return Verdict(healthy=True)
    try:
        found = resolve_pointer(json.loads(body), probe.pointer)
    except (ValueError, LookupError):
        return Verdict(healthy=False, detail=f"{probe.path} has no {probe.pointer}")
    if str(found) == probe.equals:
        return Verdict(healthy=True)
    return Verdict(healthy=False, detail=f"{probe.path}: {probe.pointer} is {found!r}")


def resolve_pointer(document: object, pointer: str) -> object:
    """Return what the JSON *pointer* (RFC 6901) names in *document*. Raises LookupError."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            if not key.isdigit():
                raise LookupError(pointer)  # one error for all that is not there
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value[key]
        else:
            raise LookupError(pointer)  # noqa: TRY004  # one error for all that is not there
    return value
