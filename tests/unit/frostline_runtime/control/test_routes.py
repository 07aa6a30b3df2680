"""The answers of the control port, and the requests that reach the artifact."""

import errno
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import cast

import pytest

from frostline_runtime.control import routes
from frostline_runtime.control.httpd import Server
from frostline_runtime.control.routes import Report, Tokens, Verb


class Artifact:
    """An artifact with one service that records requests."""

    def __init__(self, status: str = "ok") -> None:
        self.status = status
        self.asked: list[tuple[str, ...]] = []

    def report(self) -> Report:
        """Return a small report."""
        return {"status": self.status, "pid": 7, "services": {"api": {}}}

    def metrics(self) -> str:
        """Return a metric."""
        return "m 1\n"

    def lines(self, service: str, after: int) -> list[tuple[int, str]]:
        """Return the numbered lines of the one service."""
        return [(number, text) for number, text in {"api": [(1, "a"), (2, "b")]}[service]
                if number > after]  # fmt: skip

    def history(self, service: str) -> list[Report]:
        """Return the probes of the one service."""
        return {"api": [cast("Report", {"ok": True})]}[service]

    def stop(self, reason: str) -> None:
        """Record a request to stop."""
        self.asked.append(("stop", reason))

    def move(self, service: str, verb: Verb) -> None:
        """Record a request for a service."""
        self.asked.append((verb, service))


def get(path: str, *, known: bool = True, status: str = "ok", **query: str) -> tuple[int, object]:
    """Return status and body of a GET."""
    code, _, data = routes.get(Artifact(status), path, query, known=known)
    return code, json.loads(data)


def post(artifact: Artifact, tokens: Tokens, path: str, **body: object) -> tuple[int, Report]:
    """Return status and body of a POST."""
    code, _, data = routes.post(artifact, tokens, path, body)
    return code, json.loads(data)


@pytest.mark.parametrize(
    ("status", "code"), [("ok", 200), ("degraded", 200), ("starting", 503), ("failed", 503)]
)
def test_health_without_the_token(status: str, code: int) -> None:
    """A client without the token gets the status only."""
    assert get("/health", known=False, status=status) == (code, {"status": status})
    assert get("/livez", known=False, status=status) == (200, {"status": status})


def test_health_with_the_token() -> None:
    """/health has the whole report, /readyz the status only."""
    assert get("/health")[1] == Artifact().report()
    assert get("/readyz")[1] == {"status": "ok"}


def test_logs_and_history() -> None:
    """Lines after a number and the probes of a service; unknown services get 404."""
    assert get("/api/logs", service="api", after="1")[1] == {"lines": [{"number": 2, "text": "b"}]}
    assert get("/api/history", service="api") == (200, {"probes": [{"ok": True}]})
    assert get("/api/logs", service="nobody")[0] == get("/nothing")[0] == 404


def test_requests_reach_the_artifact() -> None:
    """Unknown services and verbs get 404 and do not reach it."""
    artifact, tokens = Artifact(), Tokens("secret")
    assert post(artifact, tokens, "/api/stop", reason="update") == (202, {"accepted": "stop"})
    for verb in ("start", "stop", "restart"):
        accepted = {"accepted": verb, "service": "api"}
        assert post(artifact, tokens, f"/api/services/api/{verb}") == (202, accepted)
    assert post(artifact, tokens, "/api/services/nobody/restart")[0] == 404
    assert post(artifact, tokens, "/api/services/api/explode")[0] == 404
    moves = [("start", "api"), ("stop", "api"), ("restart", "api")]
    assert artifact.asked == [("stop", "update"), *moves]


def test_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket gives one token that is then valid; a used or old ticket gives none."""
    artifact, tokens = Artifact(), Tokens("secret")
    code, body = post(artifact, tokens, "/api/ticket")
    assert code == 200
    ticket = body["ticket"]
    code, body = post(artifact, tokens, "/api/session", ticket=ticket)
    assert code == 200
    assert set(tokens.accepted()) == {"secret", body["token"]}
    assert post(artifact, tokens, "/api/session", ticket=ticket)[0] == 401
    made = time.monotonic()
    ticket, late = tokens.ticket(), tokens.ticket()
    monkeypatch.setattr(time, "monotonic", lambda: made + 59.9)
    assert post(artifact, tokens, "/api/session", ticket=ticket)[0] == 200
    monkeypatch.setattr(time, "monotonic", lambda: made + 60.9)
    assert post(artifact, tokens, "/api/session", ticket=late)[0] == 401


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("tauri://localhost", "tauri://localhost"),
        ("http://tauri.localhost", "http://tauri.localhost"),
        ("http://evil.example", None),
        ("null", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_shells_pages_may_read_answers(origin: str | None, allowed: str | None) -> None:
    """A page of a Tauri application is allowed by name; no other origin, and never all."""
    with serving(Artifact(), Path()) as port:
        answer, _ = ask(port, "GET", "/healthz", {} if origin is None else {"Origin": origin})
        assert answer.getheader("Access-Control-Allow-Origin") == allowed


TOKEN = {"Authorization": "Bearer t"}
POST = TOKEN | {"Content-Type": "application/json"}


@contextmanager
def serving(
    artifact: Artifact, pages: Path, listener: socket.socket | None = None
) -> Iterator[int]:
    """Serve *artifact* with the token "t" on *listener*; yield the port."""
    with listener or socket.create_server(("127.0.0.1", 0)) as listening:
        Server(listening, artifact, Tokens("t"), pages).start()
        yield listening.getsockname()[1]


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: str = ""
) -> tuple[HTTPResponse, bytes]:
    """Send a request; return the answer and its body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer, data


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/", "status.html", "text/html; charset=utf-8"),
        ("/icon.svg", "icon.svg", "image/svg+xml"),
        ("/status.css", "status.css", "text/css; charset=utf-8"),
        ("/status.js", "status.js", "text/javascript; charset=utf-8"),
    ],
)
def test_the_files_of_the_status_page(tmp_path: Path, path: str, name: str, kind: str) -> None:
    """They need no token; HEAD gets the same header without the file."""
    tmp_path.joinpath(name).write_bytes(b"the file")
    with serving(Artifact(), tmp_path) as port:
        answer, data = ask(port, "GET", path, {})
        head, nothing = ask(port, "HEAD", path, {})
    assert (answer.status, answer.reason, data, nothing) == (200, "OK", b"the file", b"")
    assert answer.getheader("Content-Type") == kind
    assert answer.getheader("Content-Length") == head.getheader("Content-Length") == "8"


def test_a_query_and_a_body() -> None:
    """What a GET asks is in its query, what a POST asks in its body."""
    artifact = Artifact()
    with serving(artifact, Path()) as port:
        answer, data = ask(port, "GET", "/api/logs?service=api&after=1", TOKEN)
        assert json.loads(data) == {"lines": [{"number": 2, "text": "b"}]}
        assert answer.getheader("Content-Type") == "application/json"
        assert len(json.loads(ask(port, "GET", "/api/logs?&service=api", TOKEN)[1])["lines"]) == 2
        answer, _ = ask(port, "POST", "/api/stop", POST, '{"reason": "update"}')
    assert (answer.status, answer.reason, artifact.asked) == (202, "Accepted", [("stop", "update")])


def test_metrics() -> None:
    """They are in the text format of Prometheus."""
    with serving(Artifact(), Path()) as port:
        answer, data = ask(port, "GET", "/metrics", TOKEN)
    assert (answer.status, data) == (200, b"m 1\n")
    assert answer.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"


def test_a_refusal_says_why() -> None:
    """The reason is in the body; nothing reaches the artifact."""
    artifact = Artifact("failed")
    with serving(artifact, Path()) as port:
        answer, data = ask(port, "POST", "/api/stop", POST | {"Authorization": "Bearer no"}, "{}")
        assert (answer.status, json.loads(data)["error"]) == (401, "the token is missing or wrong")
        answer, _ = ask(port, "GET", "/readyz", {})
        assert (answer.status, answer.reason) == (503, "Service Unavailable")
    assert not artifact.asked


def test_a_shells_page_asks_first() -> None:
    """A browser's question before a request is answered without a body."""
    with serving(Artifact(), Path()) as port:
        answer, data = ask(port, "OPTIONS", "/api/stop", {"Origin": "tauri://localhost"})
        refused, _ = ask(port, "OPTIONS", "/api/stop", {"Origin": f"http://127.0.0.1:{port}"})
    assert (answer.status, answer.reason, data) == (204, "No Content", b"")
    assert answer.getheader("Access-Control-Allow-Headers") == "Authorization, Content-Type"
    assert answer.getheader("Content-Type") == "text/plain"
    assert refused.status == 403


@pytest.mark.parametrize("request_line", ["HEAD / HTTP/1.1", "OPTIONS / HTTP/1.1"])
def test_nothing_follows_a_head_without_a_body(tmp_path: Path, request_line: str) -> None:
    """The answers to HEAD and OPTIONS end with their heads."""
    tmp_path.joinpath("status.html").write_bytes(b"the file")
    with serving(Artifact(), tmp_path) as port:
        head = f"{request_line}\r\nHost: localhost:{port}\r\nOrigin: tauri://localhost\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(head.encode())
            with connection.makefile("rb") as answer:
                assert answer.read().endswith(b"Content-Type\r\n\r\n")


def test_connections_are_limited() -> None:
    """The seventeenth connection is closed at once; when another ends, there is room again."""
    with serving(Artifact(), Path()) as port:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(16)]
        with socket.create_connection(("127.0.0.1", port), timeout=2) as one_more:
            assert one_more.recv(1) == b""
        for connection in held:
            connection.close()
        for _ in range(40):  # until the server has seen the ends; each round has its own slot
            time.sleep(0.02)
            try:
                assert ask(port, "GET", "/livez", {})[0].status == 200
            except ConnectionError:
                continue
            break
        else:
            pytest.fail("there was no room again")


class Listener(socket.socket):
    """A listening socket whose first `accept` fails, as if no descriptors were left."""

    failed = False

    def accept(self) -> tuple[socket.socket, object]:
        """Fail once."""
        if not self.failed:
            self.failed = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_without_descriptors_for_a_moment() -> None:
    """The server goes on when there are descriptors again."""
    listener = Listener()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    with serving(Artifact(), Path(), listener) as port:
        assert ask(port, "GET", "/livez", {})[0].status == 200


def test_a_closed_listener_ends_the_server() -> None:
    """Its thread ends instead of trying for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener, Artifact(), Tokens("t"), Path())
    listener.close()
    server._accept()
