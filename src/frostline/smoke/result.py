"""What a trial is asked, and what it has shown: the JSON that passes between two processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# A variable of every process that a trial starts; its value is the trial's own.
TAG = "FROSTLINE_SMOKE"


@dataclass(frozen=True)
class Check:
    """One thing that was proven, or not; *id* is stable, *detail* says why, or how well."""

    id: str
    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """What is tried, and how: *argv* starts it, with `{place}` for the folder of the bundle.

    *installed* is that folder; it is seen read-only at *places*, if there are any, and moved
    to the second of them otherwise. *environment* is all that it gets; its value of TAG marks
    what it starts. *lives*: start it again, and kill what can be killed.
    """

    argv: tuple[str, ...]
    installed: str
    places: tuple[str, ...]
    offline: bool
    read_only: bool
    lives: bool
    environment: Mapping[str, str]
    temporary: str
    log: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What was seen; times in seconds, memory in bytes.

    *unproven* says why it was not cut off; *observed* are status and text of each answer.
    """

    checks: tuple[Check, ...] = ()
    ready: float | None = None
    healthy: float | None = None
    memory: int | None = None
    tail: tuple[str, ...] = ()
    unproven: str = ""
    observed: Mapping[str, tuple[int | None, str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Tell whether nothing speaks against it."""
        return all(check.ok for check in self.checks)
