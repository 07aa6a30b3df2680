"""The control port: health for everybody, facts and buttons for who has the token."""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

TICKET_LIFE = 60.0

Report = dict[str, object]
Verb = Literal["start", "stop", "restart"]
Body = tuple[int, str, bytes]

# draft-inadarei-api-health-check
HEALTH_JSON = "application/health+json"
_DRAFT = {"ok": "pass", "degraded": "warn"}

_VERBS: dict[str, Verb] = {"start": "start", "stop": "stop", "restart": "restart"}


class Subject(Protocol):
    """What the control port shows and moves."""

    def report(self) -> Report:
        """Return everything about the artifact and its services."""

    def metrics(self) -> str:
        """Return the figures in the Prometheus text format."""

    def lines(self, service: str, after: int) -> list[tuple[int, str]]:
        """Return the lines of *service* numbered above *after*. Raises KeyError."""

    def history(self, service: str) -> list[Report]:
        """Return the recent probes of *service*, oldest first. Raises KeyError."""

    def stop(self, reason: str) -> None:
        """Ask the whole artifact to stop."""

    def move(self, service: str, verb: Verb) -> None:
        """Ask for *service* to be started, stopped or restarted."""


class Keys:
    """The tokens that are accepted now."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._tickets: dict[str, float] = {}
        self._sessions: set[str] = set()

    def accepted(self) -> tuple[str, ...]:
        """Return the token of this launch and those of the open pages."""
        return (self.token, *self._sessions)

    def ticket(self) -> str:
        """Return a ticket that opens the status page once, within a minute."""
        ticket = os.urandom(16).hex()
        self._tickets[ticket] = time.monotonic() + TICKET_LIFE
        return ticket

    def exchange(self, ticket: str) -> str | None:
        """Return a session's token for *ticket*, if it is good; it is used up."""
        if self._tickets.pop(ticket, 0.0) < time.monotonic():
            return None
        session = os.urandom(32).hex()
        self._sessions.add(session)
        return session


def get(
    subject: Subject, path: str, query: Mapping[str, str], *, known: bool, accept: str = ""
) -> Body:
    """Return the answer to a GET; who is not *known* learns the status and nothing else.

    *accept*: the media type of the draft on health checks brings its words for the status.
    """
    report = subject.report()
    healthy = report["status"] in {"ok", "degraded"}
    match path:
        case "/health" | "/readyz":
            body = report if known and path == "/health" else {"status": report["status"]}
            status, kind, data = _json(200 if healthy else 503, body)
            if HEALTH_JSON in accept:
                word = _DRAFT.get(str(report["status"]), "fail")
                kind, data = HEALTH_JSON, json.dumps({**body, "status": word}).encode()
            return status, kind, data
        case "/livez":
            return _json(200, {"status": report["status"]})
        case "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", subject.metrics().encode()
        case "/api/logs":
            return _found(lambda name: _lines(subject, name, query.get("after", "")), query)
        case "/api/history":
            return _found(lambda name: {"probes": subject.history(name)}, query)
        case _:
            return problem(404, "there is nothing here; try /health")


def _found(answer: Callable[[str], Report], query: Mapping[str, str]) -> Body:
    name = query.get("service", "")
    try:
        return _json(200, answer(name))
    except KeyError:
        return problem(404, f"there is no service {name!r}")


def _lines(subject: Subject, name: str, after: str) -> Report:
    lines = subject.lines(name, int(after) if after.isdigit() else 0)
    return {"lines": [{"number": number, "text": text} for number, text in lines]}


def post(subject: Subject, keys: Keys, path: str, body: Mapping[str, object]) -> Body:
    """Return the answer to a POST, and hand on what it asks for."""
    match path.strip("/").split("/"):
        case ["api", "session"]:
            session = keys.exchange(str(body.get("ticket", "")))
            if not session:
                return problem(401, "this ticket was used, or is older than a minute")
            return _json(200, {"token": session})
        case ["api", "ticket"]:
            return _json(200, {"ticket": keys.ticket()})
        case ["api", "stop"]:
            subject.stop(str(body.get("reason", "asked for")))
            return _json(202, {"accepted": "stop"})
        case ["api", "services", name, verb] if verb in _VERBS:
            return _move(subject, name, _VERBS[verb])
        case _:
            return problem(404, "there is nothing here")


def _move(subject: Subject, name: str, verb: Verb) -> Body:
    services = subject.report()["services"]
    if not (isinstance(services, dict) and name in services):
        return problem(404, f"there is no service {name!r}")
    subject.move(name, verb)
    return _json(202, {"accepted": verb, "service": name})


def parse_query(text: str) -> dict[str, str]:
    """Return the plain names and values of a query string."""
    pairs = (item.partition("=") for item in text.split("&") if item)
    return {name: value for name, _, value in pairs}


def _json(status: int, body: Report) -> Body:
    return status, "application/json", json.dumps(body).encode()


def problem(status: int, reason: str) -> Body:
    """Return an answer that says why there is no better one."""
    return _json(status, {"error": reason})
