"""What follows from the states of services."""

from frostline_runtime.manifest import Service
from frostline_runtime.states import State, Status, blocked, overall, startable, stop_order

DB = Service(name="db")
API = Service(name="api", needs=("db",))
LLM = Service(name="llm", required=False)
ALL = (DB, API, LLM)


def states(db: State, api: State, llm: State) -> dict[str, State]:
    """Return the states of the three services."""
    return {"db": db, "api": api, "llm": llm}


def test_a_service_waits_for_what_it_needs() -> None:
    """Only services whose needs are ready may start."""
    pending = states(State.PENDING, State.PENDING, State.PENDING)
    assert startable(ALL, pending) == (DB, LLM)
    assert startable(ALL, pending | {"db": State.READY}) == (API, LLM)


def test_a_failed_need_blocks() -> None:
    """Waiting for a failed service would never end."""
    assert blocked(ALL, states(State.FAILED, State.PENDING, State.READY)) == (API,)


def test_overall_status() -> None:
    """Required services decide between good and failed, optional ones degrade."""
    ready = states(State.READY, State.READY, State.READY)
    assert overall(ALL, ready, stopping=False) is Status.OK
    assert overall(ALL, ready | {"llm": State.FAILED}, stopping=False) is Status.DEGRADED
    assert overall(ALL, ready | {"llm": State.DISABLED}, stopping=False) is Status.OK
    assert overall(ALL, ready | {"api": State.STARTING}, stopping=False) is Status.STARTING
    assert overall(ALL, ready | {"db": State.FAILED}, stopping=False) is Status.FAILED
    assert overall(ALL, ready, stopping=True) is Status.STOPPING


def test_dependants_stop_first() -> None:
    """A service loses what it needs only after it has ended itself."""
    assert stop_order(ALL) == (("api", "llm"), ("db",))
