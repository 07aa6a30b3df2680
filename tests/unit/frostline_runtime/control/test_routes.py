"""The answers of the control port, and the requests that reach the artifact."""

import json
import socket
from http.client import HTTPConnection
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
    assert post(artifact, tokens, "/api/services/api/restart")[0] == 202
    assert post(artifact, tokens, "/api/services/nobody/restart")[0] == 404
    assert post(artifact, tokens, "/api/services/api/explode")[0] == 404
    assert artifact.asked == [("stop", "update"), ("restart", "api")]


def test_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket gives one token that is then valid; a used or old ticket gives none."""
    artifact, tokens = Artifact(), Tokens("secret")
    ticket = post(artifact, tokens, "/api/ticket")[1]["ticket"]
    code, body = post(artifact, tokens, "/api/session", ticket=ticket)
    assert code == 200
    assert set(tokens.accepted()) == {"secret", body["token"]}
    assert post(artifact, tokens, "/api/session", ticket=ticket)[0] == 401
    monkeypatch.setattr(routes, "TICKET_LIFE", -1.0)
    assert post(artifact, tokens, "/api/session", ticket=tokens.ticket())[0] == 401


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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener, Artifact(), Tokens("t"), Path())
        server.start()
        connection = HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
        headers = {} if origin is None else {"Origin": origin}
        connection.request("GET", "/healthz", headers=headers)
        answer = connection.getresponse()
        assert answer.getheader("Access-Control-Allow-Origin") == allowed
        connection.close()
