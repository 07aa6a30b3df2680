"""The routes of the control port: `/health` is public, everything else needs the token."""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

TICKET_LIFE = 60.0

Report = dict[str, object]
Verb = Literal["start", "stop", "restart"]
Body = tuple[int, str, bytes]

_VERBS: dict[str, Verb] = {"start": "start", "stop": "stop", "restart": "restart"}


class RunningArtifact(Protocol):
    """What the control port needs of the running artifact: the supervisor."""

    def report(self) -> Report:
        """Return the facts about the artifact and its services."""

    def metrics(self) -> str:
        """Return the metrics in the Prometheus text format."""

    def lines(self, service: str, after: int) -> list[tuple[int, str]]:
        """Return the lines of *service* with a number above *after*. Raises KeyError."""

    def history(self, service: str) -> list[Report]:
        """Return the recent probes of *service*, oldest first. Raises KeyError."""

    def stop(self, reason: str) -> None:
        """Ask the artifact to stop."""

    def move(self, service: str, verb: Verb) -> None:
        """Ask for *service* to be started, stopped or restarted."""


class Tokens:
    """The token of this launch, and those of open status pages."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._tickets: dict[str, float] = {}
        self._sessions: set[str] = set()

    def accepted(self) -> tuple[str, ...]:
        """Return all valid tokens."""
        return (self.token, *self._sessions)

    def ticket(self) -> str:
        """Return a ticket that opens the status page once, within a minute."""
        ticket = os.urandom(16).hex()
        self._tickets[ticket] = time.monotonic() + TICKET_LIFE
        return ticket

    def exchange(self, ticket: str) -> str | None:
        """Return a new token for *ticket*, None if it is not valid; it cannot be used again."""
        if self._tickets.pop(ticket, 0.0) < time.monotonic():
            return None
        session = os.urandom(32).hex()
        self._sessions.add(session)
        return session


def get(artifact: RunningArtifact, path: str, query: Mapping[str, str], *, known: bool) -> Body:
    """Return the answer to a GET; a client that is not *known* is told the status only."""
    report = artifact.report()
    healthy = report["status"] in {"ok", "degraded"}
    match path:
        case "/health" | "/readyz":
            body = report if known and path == "/health" else {"status": report["status"]}
            return _json(200 if healthy else 503, body)
        case "/livez":
            return _json(200, {"status": report["status"]})
        case "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", artifact.metrics().encode()
        case "/api/logs":
            return _found(lambda name: _lines(artifact, name, query.get("after", "")), query)
        case "/api/history":
            return _found(lambda name: {"probes": artifact.history(name)}, query)
        case _:
            return problem(404, "there is no such page; try /health")


def _found(answer: Callable[[str], Report], query: Mapping[str, str]) -> Body:
    name = query.get("service", "")
    try:
        return _json(200, answer(name))
    except KeyError:
        return problem(404, f"there is no service {name!r}")


def _lines(artifact: RunningArtifact, name: str, after: str) -> Report:
    lines = artifact.lines(name, int(after) if after.isdigit() else 0)
    return {"lines": [{"number": number, "text": text} for number, text in lines]}


def post(artifact: RunningArtifact, tokens: Tokens, path: str, body: Mapping[str, object]) -> Body:
    """Carry out a POST and return the answer."""
    match path.strip("/").split("/"):
        case ["api", "session"]:
            session = tokens.exchange(str(body.get("ticket", "")))
            if not session:
                return problem(401, "this ticket was used, or is older than a minute")
            return _json(200, {"token": session})
        case ["api", "ticket"]:
            return _json(200, {"ticket": tokens.ticket()})
        case ["api", "stop"]:
            artifact.stop(str(body.get("reason", "asked for")))
            return _json(202, {"accepted": "stop"})
        case ["api", "services", name, verb] if verb in _VERBS:
            return _move(artifact, name, _VERBS[verb])
        case _:
            return problem(404, "there is no such page")


def _move(artifact: RunningArtifact, name: str, verb: Verb) -> Body:
    services = artifact.report()["services"]
    if not (isinstance(services, dict) and name in services):
        return problem(404, f"there is no service {name!r}")
    artifact.move(name, verb)
    return _json(202, {"accepted": verb, "service": name})


def parse_query(text: str) -> dict[str, str]:
    """Return the names and values in a query string; nothing is decoded."""
    pairs = (item.partition("=") for item in text.split("&") if item)
    return {name: value for name, _, value in pairs}


def _json(status: int, body: Report) -> Body:
    return status, "application/json", json.dumps(body).encode()


def problem(status: int, reason: str) -> Body:
    """Return an error answer with its *reason*."""
    return _json(status, {"error": reason})
