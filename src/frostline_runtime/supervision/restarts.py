"""When a service that has failed is started again, and when it is given up.

The numbers are those of docs/supervisor.md §4. Times are seconds.
"""

from dataclasses import replace

from frostline_runtime.supervision.states import State, StateMachine, Unit, enter

# So many restarts within the window; the next failure is final.
MOST_RESTARTS = 5
WINDOW = 600.0
# A run that was ready for so long begins a new row of restarts.
STABLE = 60.0
# The first restart in a row follows at once if the run has lived so long.
LONG_ENOUGH = 5.0
LONGEST_DELAY = 30.0
# Deaths of several services within this time have one cause.
_TOGETHER = 1.0


def failed(machine: StateMachine, unit: Unit, now: float, chance: float, *, final: bool) -> Unit:
    """Return *unit* after a failure: waiting for its restart, or given up, at once if *final*.

    *chance*, 0 to 1, spreads the delay.
    """
    recent = tuple(time for time in unit.restarts if now - time < WINDOW)
    unit = replace(unit, died=now)
    if final or not machine.restart:
        return _give_up(replace(unit, restarts=recent), now)
    if len(recent) >= MOST_RESTARTS:
        reason = f"{unit.reason}; given up after {len(recent)} restarts in {WINDOW / 60:.0f} min"
        return _give_up(replace(unit, restarts=recent, reason=reason), now)
    stable = unit.ready_at is not None and now - unit.ready_at >= STABLE
    streak = 1 if stable else unit.streak + 1
    delay = restart_delay(streak, now - unit.started, chance)
    others = [other.died for other in machine.units.values() if other.service != unit.service]
    if any(died is not None and now - died < _TOGETHER for died in others):
        delay *= 2 * chance  # so that they do not all start again at the same time
    ended = replace(unit, streak=streak, restarts=(*recent, now))
    return replace(enter(ended, State.BACKOFF, now), due=now + delay)


def _give_up(unit: Unit, now: float) -> Unit:
    retry = unit.service.retry_after
    return replace(enter(unit, State.FAILED, now), due=now + retry if retry else None)


def restart_delay(streak: int, uptime: float, chance: float) -> float:
    """Return the seconds before restart number *streak* in a row, after a run of *uptime*."""
    if streak == 1 and uptime >= LONG_ENOUGH:
        return 0.0
    return min(LONGEST_DELAY, 0.5 * 2.0 ** (streak - 1)) * (1.0 + 0.2 * chance)
