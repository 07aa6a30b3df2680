"""The status of the artifact that follows from the states of services."""

from dataclasses import replace

import pytest

from frostline_runtime.artifact.manifest import Service
from frostline_runtime.supervision.states import (
    State,
    StateMachine,
    Status,
    Unit,
    describe_exit,
    initial,
    overall,
    settled,
)

DB = Service(name="db")
API = Service(name="api", needs=("db",))
LLM = Service(name="llm", required=False)


def machine(
    db: State = State.READY, api: State = State.READY, llm: State = State.READY
) -> StateMachine:
    """Return a machine with the three services in these states."""
    first = initial((DB, API, LLM))
    states = {"db": db, "api": api, "llm": llm}
    units = {name: replace(first.units[name], state=state) for name, state in states.items()}
    return replace(first, units=units)


def restarted(given: StateMachine, name: str) -> StateMachine:
    """Return *given* after a restart of *name*."""
    unit = replace(given.units[name], restarts=(5.0,))
    return replace(given, units={**given.units, name: unit})


def test_names() -> None:
    """The states and the status are in reports, events and the journal as they are here."""
    assert initial((DB,)).states() == {"db": "STOPPED"}
    assert [state.value for state in State] == [
        "DISABLED", "PENDING", "STARTING", "READY", "UNREADY", "STOPPING", "BACKOFF", "FAILED",
        "STOPPED",
    ]  # fmt: skip
    assert [status.value for status in Status] == [
        "ok", "degraded", "starting", "stopping", "failed",
    ]  # fmt: skip


def test_no_state_need_be_missing() -> None:
    """All that is allowed may be there at once."""
    states = (State.READY, State.DISABLED, State.UNREADY)
    required = [Service(name=state) for state in states]
    optional = [Service(name=f"optional {state}", required=False) for state in states[:2]]
    first = initial((*required, *optional))
    units = {
        name: replace(unit, state=State(name.removeprefix("optional ")))
        for name, unit in first.units.items()
    }
    assert overall(replace(first, units=units)) is Status.DEGRADED
    del units["UNREADY"]
    assert overall(replace(first, units=units)) is Status.OK


def test_at_first() -> None:
    """Nothing is started, counted, asked for or told; failures are followed by restarts."""
    machine = initial((DB, LLM), frozenset({"llm"}))
    assert machine.states() == {"db": State.STOPPED, "llm": State.DISABLED}
    assert (machine.restart, machine.linger, machine.finished) == (True, 0.0, False)
    made = StateMachine({})
    assert (made.restart, made.linger, made.finished) == (True, 0.0, False)
    machine = initial((DB,), restart=False, linger=2.0)
    assert (machine.restart, machine.linger) == (False, 2.0)
    unit = machine.units["db"]
    assert unit == Unit(
        DB, State.STOPPED, run=0, wanted=False, again=False, since=0.0, started=0.0, progress=0.0,
        misses=0, unready=0, streak=0, restarts=(), ports_tried=0, forced=False, blocked=False,
        cause="", reason="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (machine(), Status.OK),
        (machine(llm=State.DISABLED), Status.OK),
        (machine(llm=State.FAILED), Status.DEGRADED),
        (machine(llm=State.BACKOFF), Status.DEGRADED),
        (machine(api=State.UNREADY), Status.DEGRADED),
        (machine(db=State.DISABLED), Status.OK),
        (machine(db=State.DISABLED, api=State.UNREADY), Status.DEGRADED),
        (machine(llm=State.UNREADY), Status.DEGRADED),
        (machine(llm=State.STARTING), Status.STARTING),
        (restarted(machine(llm=State.STARTING), "llm"), Status.DEGRADED),
        (restarted(machine(db=State.STARTING), "db"), Status.STARTING),
        (machine(api=State.BACKOFF), Status.STARTING),
        (machine(db=State.FAILED), Status.FAILED),
        (machine(db=State.STOPPED), Status.FAILED),
        (replace(machine(), stopping=True), Status.STOPPING),
    ],
)
def test_overall_status(given: StateMachine, status: Status) -> None:
    """A required service can make it fail, an optional one degrades it (§14)."""
    assert overall(given) is status


@pytest.mark.parametrize("state", [State.PENDING, State.STARTING, State.STOPPING, State.BACKOFF])
def test_settled(state: State) -> None:
    """A service that is starting or stopping delays the ready event."""
    assert settled(machine(llm=State.FAILED))
    assert not settled(machine(llm=state))


def test_exits_in_words() -> None:
    """A signal has its name on every system."""
    assert [describe_exit(code) for code in (0, 1, 3)] == [
        "exited with code 0", "exited with code 1", "exited with code 3",
    ]  # fmt: skip
    named = {1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL",
             11: "SEGV", 13: "PIPE", 15: "TERM"}  # fmt: skip
    for number, name in named.items():
        assert describe_exit(-number) == f"ended by signal SIG{name}"
    assert describe_exit(-63) == "ended by signal 63"
