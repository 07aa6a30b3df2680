"""The status of the artifact that follows from the states of services."""

from dataclasses import replace

import pytest

from frostline_runtime.artifact.manifest import Service
from frostline_runtime.supervision.states import (
    State,
    StateMachine,
    Status,
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


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (machine(), Status.OK),
        (machine(llm=State.DISABLED), Status.OK),
        (machine(llm=State.FAILED), Status.DEGRADED),
        (machine(llm=State.BACKOFF), Status.DEGRADED),
        (machine(api=State.UNREADY), Status.DEGRADED),
        (machine(llm=State.STARTING), Status.STARTING),
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
    assert describe_exit(3) == "exited with code 3"
    assert describe_exit(-9) == "ended by signal SIGKILL"
    assert describe_exit(-63) == "ended by signal 63"
