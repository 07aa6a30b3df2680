"""What the states of services say about the whole."""

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
    """Return the three services in these states."""
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
    """Required services decide between good and failed, optional ones degrade (§14)."""
    assert overall(given) is status


@pytest.mark.parametrize("state", [State.PENDING, State.STARTING, State.STOPPING, State.BACKOFF])
def test_what_is_on_its_way_is_not_settled(state: State) -> None:
    """The ready line waits for it."""
    assert settled(machine(llm=State.FAILED))
    assert not settled(machine(llm=state))


def test_exits_in_words() -> None:
    """A signal has its name on every system."""
    assert describe_exit(3) == "exited with code 3"
    assert describe_exit(-9) == "ended by signal SIGKILL"
    assert describe_exit(-63) == "ended by signal 63"
