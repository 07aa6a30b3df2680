"""The events that the state machine takes, and the actions that it asks for."""

from dataclasses import dataclass
from typing import Literal

from frostline_runtime import exit_codes

Role = Literal["startup", "liveness", "readiness"]
Verb = Literal["start", "stop", "restart"]


@dataclass(frozen=True, slots=True)
class Boot:
    """Start every service that is enabled."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Want:
    """A user asks for a service to be started, stopped or restarted."""

    name: str
    verb: Verb


@dataclass(frozen=True, slots=True)
class Exited:
    """The process of a run has ended, and its process group with it.

    A negative *code* is a signal. *meaning* is the cause, if its last lines of output tell it.
    """

    name: str
    run: int
    code: int
    port_taken: bool = False
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Fetching:
    """A file that a run needs is being fetched; *share* of it, 0 to 1, has arrived."""

    name: str
    run: int
    share: float
    detail: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """The preparation of a run has ended well: its own process can be started."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """No process could be started for a run; *again* tells whether a later try may succeed."""

    name: str
    run: int
    reason: str
    again: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """The result of a probe: *alive* is any answer at all, *healthy* the expected one.

    *certain* means that it is not alive and that another probe could not change that.
    """

    name: str
    run: int
    role: Role
    alive: bool
    healthy: bool
    detail: str = ""
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Progressed:
    """A service has written a line, which counts as progress of its start."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class Suspended:
    """The computer, or all processes of the artifact, slept for *gap* seconds."""

    gap: float


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The artifact is asked to stop, and to end with *code*; a second request kills."""

    reason: str
    code: int = exit_codes.OK


Event = (
    Boot | Tick | Want | Exited | SpawnFailed | Fetching | Prepared | Probed | Progressed
    | Suspended | Shutdown
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a process for a run."""

    name: str
    run: int
    new_port: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the processes of a run to stop, or kill them with *force*."""

    name: str
    run: int
    force: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Probe a run."""

    name: str
    run: int
    role: Role


@dataclass(frozen=True, slots=True)
class Abandon:
    """Give up the processes of a run: they cannot be killed."""

    name: str
    run: int


Action = Spawn | Stop | Ask | Abandon
Actions = tuple[Action, ...]
