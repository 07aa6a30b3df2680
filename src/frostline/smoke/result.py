"""The request and the result of a trial: JSON files that two processes exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# The environment variable that marks every process of a trial; its value is unique to the trial.
TAG = "FROSTLINE_SMOKE"


@dataclass(frozen=True)
class Check:
    """The result of one check; *detail* is its problem or, if it passed, a summary.

    *id* is stable; *name* is for people.
    """

    id: str
    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """What a trial tests and how.

    *argv* starts the artifact; `{place}` is replaced by the folder of the bundle. *installed* is
    that folder. It is mounted read-only at both *places* if possible, else moved to the second one.
    *environment* are all environment variables; the value of TAG in it marks the processes of the
    artifact. *full*: also start a second instance, kill the artifact and start it again. *profile*
    is the profile as JSON.
    """

    argv: tuple[str, ...]
    installed: str
    places: tuple[str, ...]
    offline: bool
    read_only: bool
    full: bool
    environment: Mapping[str, str]
    temporary: str
    log: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """The result of a trial; times in seconds, memory in bytes.

    *unproven* says why the artifact was not isolated, "" if it was. *observed*: the status and text
    of each response.
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
        """Return whether every check passed."""
        return all(check.ok for check in self.checks)
