"""The transitions of the state machine (docs/supervisor.md §2 to §5).

`advance` takes a machine, an event and the time, and returns the new machine and the actions to
carry out. Nothing here waits, reads a clock or starts a process. Times are seconds of a monotonic
clock.
"""

from collections.abc import Mapping
from dataclasses import replace

from frostline_runtime import exit_codes
from frostline_runtime.artifact.manifest import Probe, Service
from frostline_runtime.supervision.events import (
    Abandon,
    Actions,
    Ask,
    Boot,
    Event,
    Exited,
    Fetching,
    Prepared,
    Probed,
    Progressed,
    Shutdown,
    Spawn,
    SpawnFailed,
    Stop,
    Suspended,
    Want,
)
from frostline_runtime.supervision.restarts import failed
from frostline_runtime.supervision.states import (
    AT_REST,
    MET,
    RUNNING,
    UP,
    State,
    StateMachine,
    Unit,
    change,
    describe_exit,
    enter,
)

HUNG_GRACE = 2.0
KILL_CONFIRM = 2.0
STOP_TOTAL = 10.0
FIRST_PACE = 0.05
LONGEST_PACE = 1.0
SUSPECT_PACE = 1.0
UNREADY_AFTER = 2
JITTER = 0.1
UNPROBED_READY = 1.0
WAKE_GRACE = 5.0
PORT_TRIES = 3
ASKED = ("http", "tcp")
KILLED = -9


def advance(
    machine: StateMachine, event: Event, now: float, chance: float = 0.0
) -> tuple[StateMachine, Actions]:
    """Return *machine* after *event* at time *now*, and the actions to carry out.

    *chance*, 0 to 1, spreads restarts and probes.
    """
    if isinstance(event, Shutdown) and not machine.stopping:
        code = event.code if machine.exit_code is None else machine.exit_code
        stopping = replace(machine, stopping=True, stop_by=now + STOP_TOTAL, exit_code=code)
        return _settle(stopping, (), now)
    results = {
        name: _happened(machine, unit, event, now, chance) for name, unit in machine.units.items()
    }
    units = {name: unit for name, (unit, _) in results.items()}
    actions = tuple(action for _, made in results.values() for action in made)
    return _settle(replace(machine, units=units), actions, now)


def next_wake(machine: StateMachine) -> float | None:
    """Return when the next `Tick` is needed, None if only other events can change anything."""
    times = [machine.linger_until, machine.stop_by]
    for unit in machine.units.values():
        times += [unit.due, unit.deadline]
    known = [time for time in times if time is not None]
    return min(known) if known else None


def _settle(machine: StateMachine, actions: Actions, now: float) -> tuple[StateMachine, Actions]:
    """Apply what is due and what follows from other services, until nothing changes."""
    made = list(actions)
    while True:
        before = machine
        units = dict(before.units)
        for name, unit in before.units.items():
            done = _due(unit, now)
            if done == (unit, ()):
                done = _follow(machine, units, unit, now)
            units[name] = done[0]
            made += done[1]
        machine = replace(machine, units=units)
        machine = _end(machine, now)
        if machine.stop_by is not None and now >= machine.stop_by:
            machine = replace(machine, stop_by=None)
            forced = {
                name: _force(unit, now) for name, unit in units.items() if unit.state in RUNNING
            }
            units |= {name: unit for name, (unit, _) in forced.items()}
            made += [action for _, actions in forced.values() for action in actions]
            machine = replace(machine, units=units)
        if machine == before:
            return machine, tuple(made)


def _end(machine: StateMachine, now: float) -> StateMachine:
    """Return *machine* after deciding whether the artifact ends, and whether it has ended."""
    lost = any(
        unit.state is State.FAILED and unit.service.required for unit in machine.units.values()
    )
    if lost and machine.exit_code is None:
        machine = replace(
            machine, exit_code=exit_codes.REQUIRED_SERVICE_FAILED, linger_until=now + machine.linger
        )
    elif not lost and machine.linger_until is not None:  # a user has started it again
        machine = replace(machine, exit_code=None, linger_until=None)
    if machine.linger_until is not None and now >= machine.linger_until:
        machine = replace(machine, stopping=True, linger_until=None, stop_by=now + STOP_TOTAL)
    at_rest = all(unit.state in AT_REST for unit in machine.units.values())
    return replace(machine, finished=machine.stopping and at_rest)


def _follow(
    machine: StateMachine, units: Mapping[str, Unit], unit: Unit, now: float
) -> tuple[Unit, Actions]:
    """Return *unit* after looking at the services that it needs and at the end of the artifact."""
    if machine.stopping:
        if unit.state in {State.PENDING, State.BACKOFF}:
            return enter(replace(unit, wanted=False), State.STOPPED, now), ()
        needed = any(
            other.state in RUNNING and unit.service.name in other.service.needs
            for other in units.values()
        )
        if unit.state in RUNNING - {State.STOPPING} and not needed:
            return _stop(replace(unit, wanted=False), now)
        return unit, ()
    needs = {units[name].state for name in unit.service.needs if name in units}
    if unit.state is State.FAILED and unit.blocked and needs <= MET:
        return enter(replace(unit, blocked=False, reason=""), State.PENDING, now), ()
    if unit.state is not State.PENDING:
        return unit, ()
    if needs & {State.FAILED, State.STOPPED}:
        reason = "was not started: a service that it needs has failed or was stopped"
        return enter(replace(unit, reason=reason, blocked=True), State.FAILED, now), ()
    if needs <= MET:
        return _launch(unit, now)
    return unit, ()


def _launch(unit: Unit, now: float, *, new_port: bool = False) -> tuple[Unit, Actions]:
    service = unit.service
    started = replace(
        enter(unit, State.STARTING, now),
        run=unit.run + 1,
        started=now,
        progress=now,
        pace=FIRST_PACE,
        due=_first_look(service, now),
        deadline=now + service.start_timeout,
        ready_at=None,
        misses=0,
        unready=0,
        forced=False,
        share=None,
        cause="",
        again=False,
        ports_tried=unit.ports_tried + 1 if new_port else 0,
    )
    return started, (Spawn(service.name, started.run, new_port),)


def _due(unit: Unit, now: float) -> tuple[Unit, Actions]:
    """Return *unit* after the passing of time."""
    late = unit.deadline is not None and now >= unit.deadline
    if late and unit.state is State.STARTING:
        return _too_slow(unit, now)
    if unit.due is None or now < unit.due:
        return unit, ()
    service = unit.service
    waiting = replace(unit, due=None)
    match unit.state:
        case State.BACKOFF:
            return enter(unit, State.PENDING, now), ()
        case State.FAILED:  # its retry_after has passed
            return enter(unit, State.PENDING, now), ()
        case State.STARTING if not service.startup:
            return _ready(unit, now), ()
        case State.STARTING:
            return waiting, (Ask(service.name, unit.run, "startup"),)
        case State.READY | State.UNREADY:
            asks = [Ask(service.name, unit.run, "liveness")] if _liveness(service) else []
            asks += [Ask(service.name, unit.run, "readiness")] if service.readiness else []
            return waiting, tuple(asks)
        case State.STOPPING if unit.forced:
            reason = "cannot be ended, not even by force"
            lost = enter(replace(waiting, reason=reason), State.FAILED, now)
            return lost, (Abandon(service.name, unit.run),)
        case State.STOPPING:
            return _force(unit, now)
        case _:
            return waiting, ()


def _too_slow(unit: Unit, now: float) -> tuple[Unit, Actions]:
    service = unit.service
    stalled_at = unit.progress + service.start_timeout
    latest = unit.started + service.start_longest
    if now < min(stalled_at, latest):
        return replace(unit, deadline=min(stalled_at, latest)), ()
    detail = f": {unit.reason}" if unit.reason else ""
    cause = f"not healthy after {now - unit.started:.0f} s{detail}"
    return _stop(replace(unit, cause=cause), now)


def _happened(
    machine: StateMachine, unit: Unit, event: Event, now: float, chance: float
) -> tuple[Unit, Actions]:
    """Return *unit* after *event*; events of other services and older runs change nothing."""
    name, run = unit.service.name, unit.run
    match event:
        case Boot() if unit.state is State.STOPPED:
            return enter(replace(unit, wanted=True), State.PENDING, now), ()
        case Shutdown() if unit.state in RUNNING:  # the second request
            return _force(unit, now)
        case Suspended(gap=gap) if unit.state in RUNNING:
            return _slept(unit, gap, now), ()
        case Want(name=wanted, verb=verb) if wanted == name and not machine.stopping:
            return _requested(unit, verb, now)
        case Exited() | SpawnFailed() if (event.name, event.run) == (name, run):
            return _ended(machine, unit, event, now, chance)
        case Probed() if (event.name, event.run) == (name, run):
            return _probed(unit, event, now, chance)
        case Progressed() if (event.name, event.run) == (name, run):
            return replace(unit, progress=now), ()
        case Fetching() if (event.name, event.run, unit.state) == (name, run, State.STARTING):
            # A download may take any time: the time limits of the start begin again.
            told = replace(unit, share=event.share, reason=event.detail, due=None)
            return replace(told, started=now, progress=now), ()
        case Prepared() if (event.name, event.run) == (name, run):
            return _prepared(machine, unit, now, chance)
    return unit, ()


def _prepared(machine: StateMachine, unit: Unit, now: float, chance: float) -> tuple[Unit, Actions]:
    """Return *unit* after its preparation: its own process is started if it is still wanted."""
    if unit.state is not State.STARTING:
        return _ended(
            machine, unit, Exited(unit.service.name, unit.run, exit_codes.OK), now, chance
        )
    ready = replace(
        unit, share=None, reason="", started=now, progress=now, due=_first_look(unit.service, now),
        pace=FIRST_PACE, deadline=now + unit.service.start_timeout,
    )  # fmt: skip
    return ready, (Spawn(unit.service.name, unit.run),)


def _ended(
    machine: StateMachine, unit: Unit, event: Exited | SpawnFailed, now: float, chance: float
) -> tuple[Unit, Actions]:
    """Return *unit* after its process has ended or could not be started."""
    if unit.state not in RUNNING:
        return unit, ()
    unit = replace(unit, share=None)
    if isinstance(event, SpawnFailed) and unit.state is State.STOPPING:
        event = Exited(unit.service.name, unit.run, exit_codes.OK)
    if isinstance(event, SpawnFailed):
        unit = replace(unit, reason=event.reason)
        return failed(machine, unit, now, chance, final=not event.again), ()
    starting = unit.state is State.STARTING
    if starting and event.port_taken and unit.ports_tried < PORT_TRIES:
        return _launch(unit, now, new_port=True)
    reason = unit.cause or describe_exit(event.code)
    if event.meaning:
        reason += f": {event.meaning}"
    if event.code == KILLED and not unit.cause and unit.state is not State.STOPPING:
        reason += ", not by the supervisor: perhaps for lack of memory"
    # A program that goes into the background may have become ready: its child has answered.
    young = starting or (unit.ready_at is not None and now - unit.ready_at < UNPROBED_READY)
    asked = unit.cause or unit.state is State.STOPPING
    if young and not asked and event.code == exit_codes.OK:
        reason += " at its start: a service must stay in the foreground"
    ended = replace(unit, reason=reason)
    if unit.again:
        return enter(replace(ended, reason="", again=False), State.PENDING, now), ()
    done = event.code == exit_codes.OK and unit.service.restart == "on-failure" and not unit.cause
    if done or not unit.wanted:
        return enter(replace(ended, wanted=False), State.STOPPED, now), ()
    final = unit.service.restart == "never" or (
        not unit.cause and event.code == exit_codes.MISCONFIGURED
    )
    return failed(machine, ended, now, chance, final=final), ()


def _probed(unit: Unit, event: Probed, now: float, chance: float) -> tuple[Unit, Actions]:
    service = unit.service
    if unit.state is State.STARTING and unit.share is not None:
        return unit, ()
    if unit.state is State.STARTING and event.role == "startup":
        if event.healthy:
            return _ready(unit, now), ()
        pace = min(unit.pace * 1.5, LONGEST_PACE)
        waiting = replace(unit, due=now + unit.pace, pace=pace, reason=event.detail)
        return waiting, ()
    if unit.state not in UP:
        return unit, ()
    if event.role == "readiness":
        return _readiness(unit, event, now), ()
    probe = _liveness(service)
    interval, most = (probe.interval, probe.failures) if probe else (LONGEST_PACE, 1)
    if event.alive:
        spread = interval * (1 + JITTER * (2 * chance - 1))
        return replace(unit, misses=0, due=now + spread), ()
    misses = unit.misses + 1
    suspect = replace(unit, misses=misses, due=now + min(SUSPECT_PACE, interval))
    if misses < most and not event.certain:
        return suspect, ()
    stopping, actions = _stop(replace(suspect, cause=f"hung: {event.detail}"), now)
    return replace(stopping, due=now + min(HUNG_GRACE, service.grace)), actions


def _readiness(unit: Unit, event: Probed, now: float) -> Unit:
    waiting = unit
    if not _liveness(unit.service) and unit.service.readiness:
        waiting = replace(unit, due=now + unit.service.readiness.interval)
    if event.healthy:
        ready = replace(waiting, unready=0, reason="")
        return change(ready, State.READY, now) if unit.state is State.UNREADY else ready
    unready = replace(waiting, unready=unit.unready + 1, reason=event.detail)
    if unready.unready >= UNREADY_AFTER and unit.state is State.READY:
        return change(unready, State.UNREADY, now)
    return unready


def _requested(unit: Unit, verb: str, now: float) -> tuple[Unit, Actions]:
    """Return *unit* after a user's request; a stop that is under way is finished first."""
    if unit.state is State.DISABLED:
        return unit, ()
    if verb == "stop":
        unwanted = replace(unit, wanted=False, again=False)
        if unit.state in {State.STARTING, *UP}:
            return _stop(unwanted, now)
        if unit.state is State.STOPPING:
            return unwanted, ()
        return enter(replace(unwanted, blocked=False), State.STOPPED, now), ()
    fresh = replace(unit, wanted=True, blocked=False, streak=0, restarts=())
    if unit.state in {State.STOPPED, State.FAILED, State.BACKOFF}:
        return enter(replace(fresh, reason=""), State.PENDING, now), ()
    if unit.state is State.STOPPING:
        return replace(fresh, again=True), ()
    if verb == "restart" and unit.state in RUNNING:
        return _stop(replace(fresh, again=True), now)
    return replace(unit, wanted=True), ()


def _slept(unit: Unit, gap: float, now: float) -> Unit:
    soonest = now + WAKE_GRACE
    late = unit.due is not None and unit.state in UP
    return replace(
        unit,
        misses=0,
        unready=0,
        due=soonest if late else unit.due,
        started=unit.started + gap,
        progress=unit.progress + gap,
        deadline=None if unit.deadline is None else unit.deadline + gap,
    )


def _stop(unit: Unit, now: float) -> tuple[Unit, Actions]:
    stopping = replace(enter(unit, State.STOPPING, now), due=now + unit.service.grace, forced=False)
    return stopping, (Stop(unit.service.name, unit.run, force=False),)


def _force(unit: Unit, now: float) -> tuple[Unit, Actions]:
    forced = unit if unit.state is State.STOPPING else enter(unit, State.STOPPING, now)
    forced = replace(forced, forced=True, due=now + KILL_CONFIRM)
    return forced, (Stop(unit.service.name, unit.run, force=True),)


def _ready(unit: Unit, now: float) -> Unit:
    ready = change(replace(unit, reason="", ready_at=now), State.READY, now)
    probes = [p for p in (_liveness(unit.service), unit.service.readiness) if p]
    due = now + min(probe.interval for probe in probes) if probes else None
    return replace(ready, due=due, deadline=None)


def _first_look(service: Service, now: float) -> float | None:
    if not service.startup:
        return now + UNPROBED_READY
    return now if service.startup.kind in ASKED else None  # the others report it themselves


def _liveness(service: Service) -> Probe | None:
    if service.startup and service.startup.kind not in ASKED:
        return service.liveness
    return service.liveness or service.startup
