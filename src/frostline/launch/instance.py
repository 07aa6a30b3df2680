"""Starts and watches an artifact, frozen or from source, from the build side."""

import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3
from pydantic import TypeAdapter
from urllib3.exceptions import HTTPError

from frostline.core import exit_codes
from frostline.core.command import Process
from frostline.core.errors import FrostlineError
from frostline.launch.announced import Event, HealthReport

# Made once: an artifact may announce many events.
_EVENTS, _REPORTS = TypeAdapter(Event), TypeAdapter(HealthReport)
_FIRST_INTERVAL = 0.02
_LONGEST_INTERVAL = 0.1
# Follows redirects, retries nothing, and uses no proxy, as all requests go to loopback.
_POOL = urllib3.PoolManager(retries=urllib3.Retry(total=None, connect=0, read=0, redirect=10))


class NotHealthyError(FrostlineError):
    """The artifact ended, or was not healthy in time."""

    exit_code = exit_codes.NOT_GOOD


class Instance:
    """A started artifact, *name* in messages; leaving the `with` block ends its process group."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path,
        name: str = "the artifact",
    ) -> None:  # fmt: skip
        self.name = name
        self.port = free_port()
        self.events: list[Event] = []
        self.started = time.monotonic()
        self.ready_after: float | None = None
        self.healthy_after: float | None = None
        # No restarts: a service that has to be started twice must fail the test.
        command = [*argv, "--lifeline", "stdin", "--port", str(self.port), "--no-restart"]
        self.process = Process(command, log=log, env=env, cwd=cwd, stdout=self._receive)

    def __enter__(self) -> Self:
        """Return the running artifact."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process group."""
        self.process.__exit__(kind, error, trace)

    @property
    def health_url(self) -> str:
        """Return the address of the artifact's `/health`."""
        return f"http://127.0.0.1:{self.port}/health"

    def wait_healthy(self, timeout: float) -> None:
        """Wait until `/health` answers 200.

        Raises NotHealthyError as soon as the artifact ends, or after *timeout* seconds.
        """
        deadline = self.started + timeout
        interval = _FIRST_INTERVAL
        last = "never asked"
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                self.process.wait(5)
                message = (
                    f"{self.name} ended with exit code {code} before it was healthy"
                    f"{self._reason()}."
                )
                hint = f"its full output is in {self.process.log}"
                raise NotHealthyError(message, hint=hint, tail=self.process.tail())
            status, body = ask("GET", self.health_url, timeout=2.0)
            if status == 200:  # noqa: PLR2004  # HTTP's OK
                self.healthy_after = time.monotonic() - self.started
                return
            last = body.strip()[:300] if status else body
            time.sleep(interval)
            interval = min(interval * 1.5, _LONGEST_INTERVAL)
        message = f"{self.name} was not healthy after {timeout:g} s: {last}{self._reason()}"
        hint = f"its full output is in {self.process.log}"
        raise NotHealthyError(message, hint=hint, tail=self.process.tail())

    def report(self) -> HealthReport:
        """Return the full health report; it needs the token of the ready line."""
        ready = self.event("ready")
        _, body = ask("GET", self.health_url, token=ready.token if ready else "")
        try:
            return _REPORTS.validate_json(body)
        except ValueError:
            return HealthReport()

    def event(self, name: str) -> Event | None:
        """Return the first event called *name* that the artifact announced, or None."""
        return next((event for event in self.events if event.event == name), None)

    def wait_event(self, name: str, timeout: float) -> Event | None:
        """Wait up to *timeout* seconds for the event called *name*; return None without it."""
        deadline = time.monotonic() + timeout
        while not (found := self.event(name)) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def service_urls(self) -> dict[str, str]:
        """Return the addresses in the ready line, by service."""
        ready = self.event("ready")
        services = ready.services if ready else {}
        return {name: facts.url for name, facts in services.items() if facts.url}

    def stop(self, timeout: float) -> int:
        """Close the lifeline to stop the artifact; return its exit code. Raises TimeoutError."""
        self.process.close_stdin()
        return self.process.wait(timeout)

    def _receive(self, line: str) -> None:
        try:
            event = _EVENTS.validate_json(line)
        except ValueError:
            return  # a line of the product's own
        self.events.append(event)
        if event.event == "ready":
            self.ready_after = time.monotonic() - self.started

    def _reason(self) -> str:
        failed = [event for event in self.events if event.event in {"fatal", "degraded"}]
        return "".join(f"; service {event.service} {event.reason}" for event in failed)


def ask(
    method: str, url: str, *, body: object = None, token: str = "", timeout: float = 30.0,
    redirect: bool = True,
) -> tuple[int, str]:  # fmt: skip
    """Return the status and text of the response, or 0 and the reason if there is none.

    Redirections are followed, unless *redirect* is false.
    """
    headers = {"Connection": "close"} | ({"Authorization": f"Bearer {token}"} if token else {})
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body)
    try:
        answer = _POOL.request(
            method, url, body=data, headers=headers, timeout=timeout, redirect=redirect
        )
    except HTTPError as error:
        return 0, str(error)
    return answer.status, answer.data.decode("utf-8", "replace")


def free_port() -> int:
    """Return a loopback port that is free now; another process may still take it."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
