"""What can happen to services, and what can be done about it."""

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
    """A human asks for a service to be started, stopped or restarted."""

    name: str
    verb: Verb


@dataclass(frozen=True, slots=True)
class Exited:
    """The process of a run has ended; nothing of its group is left. Negative codes are signals.

    *meaning*: what its last words say about the cause.
    """

    name: str
    run: int
    code: int
    port_taken: bool = False
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Fetching:
    """What a run needs is being fetched; *share* is how much of it is there, 0 to 1."""

    name: str
    run: int
    share: float
    detail: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run needs is there: its process can be started."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """A run has no process; *again* tells whether trying later may help."""

    name: str
    run: int
    reason: str
    again: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found: *alive* means any answer at all, *healthy* the expected one.

    *certain*: no further question is needed to know that it is not alive.
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
    """A service that is starting has said something."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class Suspended:
    """The machine, or all of us, slept for *gap* seconds."""

    gap: float


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Somebody asks the artifact to stop; the second time, at once."""

    reason: str
    code: int = exit_codes.OK


Event = (
    Boot | Tick | Want | Exited | SpawnFailed | Fetching | Prepared | Probed | Progressed
    | Suspended | Shutdown
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a process for this run."""

    name: str
    run: int
    new_port: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the processes of this run to stop, or, with *force*, end them."""

    name: str
    run: int
    force: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Probe this run."""

    name: str
    run: int
    role: Role


@dataclass(frozen=True, slots=True)
class Abandon:
    """The processes of this run cannot be ended; go on without them."""

    name: str
    run: int


Action = Spawn | Stop | Ask | Abandon
Actions = tuple[Action, ...]
