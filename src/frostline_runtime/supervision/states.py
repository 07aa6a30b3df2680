"""The states of all services as one value, and the status of the artifact that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from frostline_runtime.artifact.manifest import Service


class State(StrEnum):
    """The state of a service."""

    DISABLED = "DISABLED"
    PENDING = "PENDING"
    STARTING = "STARTING"
    READY = "READY"
    UNREADY = "UNREADY"
    STOPPING = "STOPPING"
    BACKOFF = "BACKOFF"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class Status(StrEnum):
    """The status of the whole artifact."""

    OK = "ok"
    DEGRADED = "degraded"
    STARTING = "starting"
    STOPPING = "stopping"
    FAILED = "failed"


UP = frozenset({State.READY, State.UNREADY})
RUNNING = UP | {State.STARTING, State.STOPPING}
AT_REST = frozenset({State.DISABLED, State.FAILED, State.STOPPED})
MET = frozenset({State.READY, State.DISABLED})

# By number, so that messages are the same on every system.
_SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS",
            8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """A service with its state and everything that the next transition depends on.

    *run* numbers its processes; events of an older run are dropped. *wanted* is what the user
    asks for, *again* asks for a start after the stop. *due* is when something must be done,
    *deadline* when a start has taken too long. *streak* counts restarts in a row. *cause* is the
    failure because of which it is being stopped. *blocked* means that it failed only because a
    service that it needs has failed. *share* is how much has arrived of a file that is fetched
    for it, None if none is. *reason* is what people are told.
    """

    service: Service
    state: State = State.STOPPED
    run: int = 0
    wanted: bool = False
    again: bool = False
    since: float = 0.0
    started: float = 0.0
    died: float | None = None
    due: float | None = None
    deadline: float | None = None
    progress: float = 0.0
    ready_at: float | None = None
    pace: float = 0.05
    misses: int = 0
    unready: int = 0
    streak: int = 0
    restarts: tuple[float, ...] = ()
    ports_tried: int = 0
    forced: bool = False
    blocked: bool = False
    share: float | None = None
    cause: str = ""
    reason: str = ""

    @property
    def awaited(self) -> bool:
        """Tell whether the artifact is not ready before this service is.

        It is ready while something is still fetched for an optional service.
        """
        return self.share is None or self.service.required


@dataclass(frozen=True, slots=True)
class StateMachine:
    """All services, and whether the artifact ends.

    *exit_code* is set when it has to end. *linger_until* is when it begins to stop because a
    required service has failed, *stop_by* is when everything that still runs is killed.
    """

    units: Mapping[str, Unit]
    restart: bool = True
    linger: float = 0.0
    stopping: bool = False
    exit_code: int | None = None
    linger_until: float | None = None
    stop_by: float | None = None
    finished: bool = False

    def states(self) -> dict[str, State]:
        """Return the state of each service."""
        return {name: unit.state for name, unit in self.units.items()}


def change(unit: Unit, state: State, now: float) -> Unit:
    """Return *unit* in *state* since *now*."""
    return replace(unit, state=state, since=now)


def enter(unit: Unit, state: State, now: float) -> Unit:
    """Return *unit* in *state* since *now*, with nothing due and no deadline."""
    return replace(change(unit, state, now), due=None, deadline=None)


def initial(
    services: Sequence[Service], disabled: frozenset[str] = frozenset(), *, restart: bool = True,
    linger: float = 0.0,
) -> StateMachine:  # fmt: skip
    """Return the machine with no service started; without *restart* every failure is final."""
    units = {
        service.name: Unit(service, State.DISABLED if service.name in disabled else State.STOPPED)
        for service in services
    }
    return StateMachine(units, restart=restart, linger=linger)


def settled(machine: StateMachine) -> bool:
    """Tell whether no service that is awaited is starting or stopping."""
    moving = {State.PENDING, State.STARTING, State.STOPPING, State.BACKOFF}
    return not any(unit.state in moving and unit.awaited for unit in machine.units.values())


def overall(machine: StateMachine) -> Status:
    """Return the status of the whole artifact (docs/supervisor.md §14)."""
    if machine.stopping:
        return Status.STOPPING
    states = {unit.state for unit in machine.units.values() if unit.service.required}
    if states & {State.FAILED, State.STOPPED}:
        return Status.FAILED
    first = any(
        unit.state in {State.PENDING, State.STARTING} and unit.awaited and not unit.restarts
        for unit in machine.units.values()
    )
    if first or not states <= UP | {State.DISABLED}:
        return Status.STARTING
    optional = {unit.state for unit in machine.units.values() if not unit.service.required}
    if State.UNREADY in states or not optional <= {State.READY, State.DISABLED}:
        return Status.DEGRADED
    return Status.OK


def describe_exit(code: int) -> str:
    """Return the exit code *code* in words."""
    if code < 0:
        return f"ended by signal {_SIGNALS.get(-code, -code)}"
    return f"exited with code {code}"
