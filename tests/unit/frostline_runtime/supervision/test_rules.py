"""Single rules of the state machine: what each event does to each field of a service."""

from dataclasses import replace

import pytest

from frostline_runtime.artifact.manifest import Probe, Service
from frostline_runtime.supervision.events import (
    Actions,
    Ask,
    Boot,
    Event,
    Exited,
    Probed,
    Shutdown,
    Spawn,
    Stop,
    Suspended,
    Tick,
    Want,
)
from frostline_runtime.supervision.states import State, StateMachine, Unit, initial
from frostline_runtime.supervision.transitions import advance, next_wake

NOW = 1000.0
DB = Service(name="db", startup=Probe())
API = Service(name="api", needs=("db",), startup=Probe(), readiness=Probe(path="/ready"))
OPTIONAL = replace(DB, required=False)
TELLS = replace(DB, startup=Probe(kind="line"))
READY = Unit(DB, State.READY, run=1, wanted=True, since=900.0, started=890.0, ready_at=900.0,
             due=1005.0)  # fmt: skip


def machine(*units: Unit) -> StateMachine:
    """Return a machine of *units*."""
    first = initial([unit.service for unit in units], linger=30.0)
    return replace(first, units={unit.service.name: unit for unit in units})


def after(event: Event, *units: Unit, now: float = NOW) -> tuple[Unit, Actions]:
    """Return the last of *units* after *event*, and the actions."""
    made, actions = advance(machine(*units), event, now)
    return made.units[units[-1].service.name], actions


def booted(*services: Service) -> StateMachine:
    """Return a machine that starts *services*."""
    return advance(initial(services, linger=30.0), Boot(), NOW)[0]


def probed(*, alive: bool = True, healthy: bool = True, **facts: str) -> Probed:
    """Return the result of a probe of db."""
    first = Probed("db", 1, "liveness", alive, healthy, "why")
    return replace(first, **facts)  # type: ignore[arg-type]


STARTUP = replace(probed(), role="startup")
READINESS = replace(probed(), role="readiness")


# Starts


def test_how_often_a_start_is_probed() -> None:
    """The pauses grow from a twentieth of a second to one second."""
    made, pauses = booted(DB), list[float]()
    now = NOW
    for _ in range(12):
        made, _ = advance(made, replace(STARTUP, healthy=False), now)
        due = made.units["db"].due
        assert due is not None
        pauses.append(due - now)
        now = due
        made, actions = advance(made, Tick(), now)
        assert actions == (Ask("db", 1, "startup"),)
    assert pauses[:3] == pytest.approx([0.05, 0.075, 0.1125])
    assert pauses[-1] == pytest.approx(1.0)
    made, _ = advance(made, STARTUP, now)
    assert (made.units["db"].state, made.units["db"].reason) == (State.READY, "")


def test_a_service_without_a_probe() -> None:
    """It counts as ready when it has lived for a second."""
    made = booted(Service(name="db"))
    assert (made.units["db"].state, next_wake(made)) == (State.STARTING, NOW + 1)
    made, _ = advance(made, Tick(), NOW + 1)
    assert made.units["db"].state is State.READY


def test_a_tcp_probe_is_asked() -> None:
    """The supervisor asks it, as it asks by HTTP."""
    _, actions = advance(initial([replace(DB, startup=Probe(kind="tcp"))]), Boot(), NOW)
    assert actions == (Spawn("db", 1), Ask("db", 1, "startup"))


def test_a_start_without_a_word() -> None:
    """The cause has no detail if there is none."""
    made, _ = advance(booted(DB), Tick(), NOW + 60)
    assert made.units["db"].cause == "not healthy after 60 s"


def test_other_probes_do_not_end_a_start() -> None:
    """Only the probe of the start does; after it, that probe counts for liveness."""
    made, _ = advance(booted(DB), probed(), NOW)
    assert made.units["db"].state is State.STARTING
    unit, _ = after(replace(STARTUP, healthy=False), READY)
    assert (unit.state, unit.reason, unit.misses) == (State.READY, "", 0)


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_needs_that_are_ready_or_switched_off(state: State) -> None:
    """Both kinds of need are met, also together; then nothing is left of the block."""
    api = Unit(replace(API, needs=("db", "off")), state, wanted=True,
               blocked=state is State.FAILED, reason="blocked")  # fmt: skip
    off = Unit(Service(name="off"), State.DISABLED)
    unit, actions = after(Tick(), READY, off, api)
    assert (unit.state, unit.blocked) == (State.STARTING, False)
    assert Spawn("api", 1) in actions
    if state is State.FAILED:
        assert unit.reason == ""


# Ends


@pytest.mark.parametrize(
    ("code", "ready_for", "reason"),
    [
        (0, None, "exited with code 0 at its start: a service must stay in the foreground"),
        (0, 0.5, "exited with code 0 at its start: a service must stay in the foreground"),
        (0, 1.0, "exited with code 0"), (0, 100.0, "exited with code 0"),
        (1, None, "exited with code 1"), (1, 0.5, "exited with code 1"),
        (1, 100.0, "exited with code 1"),
    ],
)  # fmt: skip
def test_reasons_of_an_end(code: int, ready_for: float | None, reason: str) -> None:
    """A program that goes into the background is told from one that fails."""
    state = State.STARTING if ready_for is None else State.READY
    ready_at = None if ready_for is None else NOW - ready_for
    unit, _ = after(Exited("db", 1, code), replace(READY, state=state, ready_at=ready_at))
    assert (unit.state, unit.reason) in {(State.BACKOFF, reason), (State.STARTING, reason)}


def test_the_meaning_of_an_end() -> None:
    """What the output tells is added."""
    unit, _ = after(Exited("db", 1, 1, meaning="no space left"), READY)
    assert unit.reason == "exited with code 1: no space left"


def test_an_end_after_a_request() -> None:
    """A young service that the user stops has done nothing wrong."""
    young = replace(READY, state=State.STOPPING, wanted=False, ready_at=NOW)
    unit, _ = after(Exited("db", 1, 0), young)
    assert (unit.state, unit.reason, unit.wanted) == (State.STOPPED, "exited with code 0", False)


def test_a_hung_service_may_end_as_it_likes() -> None:
    """It is started again, and the reason is why it was stopped."""
    hung = replace(READY, state=State.STOPPING, cause="hung: why", started=NOW - 1)
    for code in (0, 78, -9):
        for restart in ("always", "on-failure"):
            service = replace(DB, restart=restart)
            unit, _ = after(Exited("db", 1, code), replace(hung, service=service))
            assert (unit.state, unit.reason) == (State.BACKOFF, "hung: why")
            assert unit.due == NOW + 0.5


@pytest.mark.parametrize(
    ("restart", "code", "state"),
    [
        ("always", 0, State.BACKOFF), ("always", 1, State.BACKOFF),
        ("on-failure", 0, State.STOPPED), ("on-failure", 1, State.BACKOFF),
        ("never", 1, State.FAILED), ("always", 78, State.FAILED),
    ],
)  # fmt: skip
def test_what_follows_an_end(restart: str, code: int, state: State) -> None:
    """A service whose work is done may rest; it is not wanted any more."""
    service = replace(OPTIONAL, restart=restart)  # type: ignore[arg-type]
    unit, _ = after(Exited("db", 1, code), replace(READY, service=service, started=NOW - 1))
    assert (unit.state, unit.wanted) == (state, state is not State.STOPPED)


def test_a_port_is_lost_at_the_start_only() -> None:
    """Later it is a failure like others; an end that is known changes nothing."""
    taken = Exited("db", 1, 98, port_taken=True)
    unit, actions = after(taken, replace(READY, started=NOW - 1))
    assert (unit.state, actions) == (State.BACKOFF, ())
    assert after(taken, unit) == (unit, ())


# Probes


def test_a_miss() -> None:
    """The next probe follows after a second; an answer forgets the misses."""
    unit, _ = after(probed(alive=False), READY)
    assert (unit.misses, unit.due) == (1, NOW + 1)
    unit, _ = after(probed(), unit)
    assert (unit.misses, unit.due) == (0, NOW + 4.5)


def test_a_miss_without_a_probe_for_liveness() -> None:
    """A service that is not asked is stopped at once if it is known not to live."""
    unit, actions = after(probed(alive=False), replace(READY, service=TELLS))
    assert (unit.state, actions) == (State.STOPPING, (Stop("db", 1, force=False),))


@pytest.mark.parametrize(
    ("service", "roles"),
    [
        (DB, ("liveness",)), (TELLS, ()), (replace(TELLS, readiness=Probe()), ("readiness",)),
        (replace(DB, readiness=Probe()), ("liveness", "readiness")),
        (replace(TELLS, liveness=Probe()), ("liveness",)),
    ],
)  # fmt: skip
def test_what_is_asked(service: Service, roles: tuple[str, ...]) -> None:
    """Each probe that the service has."""
    _, actions = after(Tick(), replace(READY, service=service, due=NOW))
    assert tuple(action.role for action in actions if isinstance(action, Ask)) == roles


def test_the_interval_is_that_of_its_own_probe() -> None:
    """A probe for liveness goes before that of the start."""
    service = replace(DB, liveness=Probe(interval=9.0))
    starting = replace(READY, service=service, state=State.STARTING)
    assert after(STARTUP, starting)[0].due == NOW + 9


def test_answers_of_readiness() -> None:
    """The state changes once; a good answer forgets the bad ones."""
    service = replace(DB, readiness=Probe(interval=7.0))
    first = replace(READY, service=service, reason="why", unready=1)
    good, _ = after(READINESS, first)
    assert (good.since, good.unready, good.reason) == (900.0, 0, "")
    assert good.due == READY.due
    bad, _ = after(replace(READINESS, healthy=False), first)
    assert (bad.state, bad.since, bad.reason) == (State.UNREADY, NOW, "why")
    worse, _ = after(replace(READINESS, healthy=False), bad, now=NOW + 1)
    assert (worse.state, worse.since) == (State.UNREADY, NOW)
    again, _ = after(READINESS, bad, now=NOW + 1)
    assert (again.state, again.since) == (State.READY, NOW + 1)


def test_when_readiness_is_asked_again() -> None:
    """Without a probe for liveness its own interval counts."""
    service = replace(TELLS, readiness=Probe(interval=7.0))
    assert after(READINESS, replace(READY, service=service))[0].due == NOW + 7
    assert after(READINESS, replace(READY, service=TELLS))[0].due == READY.due


# Requests


def test_requests_are_about_one_service() -> None:
    """Others stay as they are; none is heard at the end."""
    other = replace(READY, service=Service(name="other"))
    assert after(Want("db", "stop"), READY, other)[0] == other
    stopping = replace(machine(replace(READY, state=State.STOPPING)), stopping=True, exit_code=0)
    assert not advance(stopping, Want("db", "start"), NOW)[0].units["db"].again
    off = Unit(DB, State.DISABLED)
    assert after(Want("db", "start"), off) == (off, ())


@pytest.mark.parametrize("state", [State.FAILED, State.BACKOFF, State.PENDING])
def test_a_stop_of_what_does_not_run(state: State) -> None:
    """It is stopped, and nothing will start it."""
    blocked = Unit(OPTIONAL, state, wanted=True, blocked=state is State.FAILED, due=NOW + 9)
    unit, actions = after(Want("db", "stop"), blocked)
    assert (unit.state, unit.wanted, unit.blocked, unit.due) == (State.STOPPED, False, False, None)
    assert actions == ()


def test_a_start_begins_anew() -> None:
    """Failures before it do not count."""
    failed = Unit(DB, State.FAILED, run=3, streak=3, restarts=(NOW,), reason="why")
    unit, _ = after(Want("db", "start"), failed)
    assert (unit.state, unit.wanted, unit.streak, unit.restarts) == (State.STARTING, True, 0, ())
    assert (unit.reason, unit.run) == ("", 4)


def test_a_restart() -> None:
    """It is started when it has stopped; what was told before is forgotten."""
    tried = replace(READY, streak=3, restarts=(NOW,), reason="why", wanted=False)
    unit, _ = after(Want("db", "restart"), tried)
    assert (unit.state, unit.wanted, unit.again) == (State.STOPPING, True, True)
    assert (unit.streak, unit.restarts) == (0, ())
    waiting = Unit(OPTIONAL, State.BACKOFF, due=NOW + 9)
    api = replace(unit, service=replace(API, name="db2", needs=("db",)))
    unit, _ = after(Exited("db2", 1, 0), waiting, api)
    assert (unit.state, unit.again, unit.reason) == (State.PENDING, False, "")


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_a_request_to_what_will_start(verb: str) -> None:
    """It is wanted, and goes on waiting for what it needs."""
    starting = replace(READY, state=State.STARTING, due=None)
    api = Unit(API, State.PENDING)
    unit, actions = after(Want("api", verb), starting, api)  # type: ignore[arg-type]
    assert (unit.state, unit.wanted, actions) == (State.PENDING, True, ())


# The end of the artifact


def test_the_end() -> None:
    """What waits is stopped; it has ended when nothing runs; the first exit code counts."""
    waiting = Unit(API, State.BACKOFF, wanted=True, due=NOW + 9)
    made, actions = advance(machine(READY, waiting), Shutdown("test", 5), NOW)
    assert actions == (Stop("db", 1, force=False),)
    assert made.states() == {"db": State.STOPPING, "api": State.STOPPED}
    assert [unit.wanted for unit in made.units.values()] == [False, False]
    assert not made.finished
    made, _ = advance(made, Exited("db", 1, 0), NOW)
    assert (made.finished, made.exit_code) == (True, 5)
    lost, _ = advance(machine(replace(READY, state=State.FAILED)), Tick(), NOW)
    assert (lost.exit_code, lost.finished) == (70, False)
    assert advance(lost, Shutdown("test", 5), NOW)[0].exit_code == 70


def test_force() -> None:
    """All that runs is killed; the kill must be confirmed within two seconds."""
    made, _ = advance(machine(READY, replace(READY, service=API)), Shutdown("test"), NOW)
    made, _ = advance(made, Shutdown("test"), NOW + 1)
    found = [(unit.state, unit.since, unit.due, unit.forced) for unit in made.units.values()]
    assert found == [
        (State.STOPPING, NOW + 1, NOW + 3, True), (State.STOPPING, NOW, NOW + 3, True),
    ]  # fmt: skip


# Sleep


def test_sleep() -> None:
    """Times of a start are moved; what is due is asked a little later, what is asked is not."""
    start = replace(READY, state=State.STARTING, due=1003.0, progress=895.0, deadline=950.0)
    unit, _ = after(Suspended(100.0), start)
    assert (unit.started, unit.progress, unit.deadline) == (990.0, 995.0, 1050.0)
    assert unit.due == 1003.0
    unit, _ = after(Suspended(100.0), replace(READY, unready=1, misses=1))
    assert (unit.due, unit.unready, unit.misses, unit.deadline) == (NOW + 5, 0, 0, None)
    assert after(Suspended(100.0), replace(READY, due=None))[0].due is None
