"""What an artifact says: its events (docs/supervisor.md §12) and its health report.

Only the fields that the build side reads; others are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ServiceFacts:
    """A service in the event `ready` or in the health report."""

    state: str = ""
    reason: str | None = None
    url: str | None = None
    pid: int | None = None


@dataclass(frozen=True, kw_only=True)
class HealthReport:
    """The answer of `/health` to a request with a token."""

    status: str = "unknown"
    services: Mapping[str, ServiceFacts] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event; which fields it has depends on its name, *event*.

    `ready` has *token* and *services*; `service` has *name* and *state*; `fatal` and `degraded`
    have *service*, *reason* and *tail*; `stopped` has *clean*, *left* and *forced*.
    """

    event: str
    token: str = ""
    services: Mapping[str, ServiceFacts] = field(default_factory=dict)
    name: str = ""
    state: str = ""
    service: str = ""
    reason: str | None = None
    tail: tuple[str, ...] = ()
    clean: bool = False
    left: tuple[object, ...] = ()
    forced: tuple[str, ...] = ()
