"""When a service is started again, and when it is given up."""

from dataclasses import replace

import pytest

from frostline_runtime.artifact.manifest import Service
from frostline_runtime.supervision.restarts import LONG_ENOUGH, failed, restart_delay
from frostline_runtime.supervision.states import State, StateMachine, Unit, initial

MAIN, OTHER = Service(name="main"), Service(name="other")
MACHINE = initial((MAIN, OTHER))
NOW = 10_000.0
# It has run for three seconds, and was never ready.
UNIT = Unit(MAIN, State.STARTING, started=NOW - 3, reason="exited with code 1")


def after(
    unit: Unit = UNIT, machine: StateMachine = MACHINE, *, chance: float = 0.0, final: bool = False
) -> Unit:
    """Return *unit* after a failure."""
    return failed(machine, unit, NOW, chance, final=final)


@pytest.mark.product("X3")
def test_delays_grow() -> None:
    """The delays are those of docs/supervisor.md §4."""
    assert [restart_delay(k, 0.1, 0.0) for k in (1, 2, 3, 4, 8)] == [0.5, 1, 2, 4, 30]
    assert restart_delay(1, 0.1, 1.0) == pytest.approx(0.6)
    assert restart_delay(3, 0.1, 0.5) == pytest.approx(2.2)


def test_the_first_restart_after_a_long_run_is_at_once() -> None:
    """After a long run the first restart follows at once, the second in a row waits."""
    assert restart_delay(1, LONG_ENOUGH, 1.0) == 0.0
    assert restart_delay(1, 4.9, 0.0) == 0.5
    assert restart_delay(1, 5.0, 0.0) == 0.0
    assert restart_delay(2, LONG_ENOUGH, 0.0) == 1.0


def test_a_failure() -> None:
    """The restart is due after the delay, and counts; the reason stays."""
    unit = after()
    assert (unit.state, unit.since, unit.died) == (State.BACKOFF, NOW, NOW)
    assert (unit.streak, unit.restarts, unit.due) == (1, (NOW,), NOW + 0.5)
    assert unit.reason == UNIT.reason
    again = after(replace(UNIT, streak=2, restarts=(NOW - 9,)))
    assert (again.streak, again.restarts, again.due) == (3, (NOW - 9, NOW), NOW + 2)


@pytest.mark.parametrize(("ready", "streak"), [(None, 4), (59.9, 4), (60.0, 1), (100.0, 1)])
def test_a_stable_run(ready: float | None, streak: int) -> None:
    """A run that was ready for a minute begins a new row of restarts."""
    ready_at = None if ready is None else NOW - ready
    assert after(replace(UNIT, streak=3, ready_at=ready_at)).streak == streak


def test_it_is_given_up() -> None:
    """The sixth failure in ten minutes is final; older restarts are forgotten."""
    recent = tuple(NOW - age for age in (599.9, 400, 300, 200, 100))
    unit = after(replace(UNIT, restarts=(NOW - 600, *recent)))
    assert (unit.state, unit.restarts, unit.due) == (State.FAILED, recent, None)
    assert unit.died == NOW
    assert unit.reason == "exited with code 1; given up after 5 restarts in 10 min"
    old = (NOW - 600, *recent[1:])
    unit = after(replace(UNIT, restarts=old))
    assert (unit.state, unit.restarts) == (State.BACKOFF, (*recent[1:], NOW))


def test_a_final_failure() -> None:
    """It is given up at once; what is recent stays known, the reason is that of the failure."""
    tried = replace(UNIT, restarts=(NOW - 700, NOW - 5))
    for unit in (after(tried, final=True), after(tried, replace(MACHINE, restart=False))):
        assert (unit.state, unit.restarts, unit.due) == (State.FAILED, (NOW - 5,), None)
        assert (unit.died, unit.reason) == (NOW, UNIT.reason)


def test_it_is_tried_again_later() -> None:
    """A service that was given up may have a time after which it is started again."""
    unit = replace(UNIT, service=replace(MAIN, retry_after=300.0))
    assert after(unit, final=True).due == NOW + 300


@pytest.mark.parametrize(
    ("ago", "delays"),
    [(None, (0.525, 0.6)), (0.0, (0.2625, 1.2)), (0.9, (0.2625, 1.2)), (1.0, (0.525, 0.6))],
)
def test_a_failure_of_several(ago: float | None, delays: tuple[float, float]) -> None:
    """After deaths with one cause the restarts are spread between none and twice the delay."""
    units = {
        "main": replace(UNIT, died=NOW),
        "other": replace(MACHINE.units["other"], died=None if ago is None else NOW - ago),
    }
    machine = replace(MACHINE, units=units)
    due = [after(units["main"], machine, chance=chance).due for chance in (0.25, 1.0)]
    assert due == [pytest.approx(NOW + delay) for delay in delays]
