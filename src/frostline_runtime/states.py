"""States of services and what follows from them, as pure functions over values."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from frostline_runtime.manifest import Service


class State(StrEnum):
    """Where a service stands."""

    DISABLED = "DISABLED"
    PENDING = "PENDING"
    STARTING = "STARTING"
    READY = "READY"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class Status(StrEnum):
    """Where the whole artifact stands."""

    OK = "ok"
    DEGRADED = "degraded"
    STARTING = "starting"
    STOPPING = "stopping"
    FAILED = "failed"


States = Mapping[str, State]


def startable(services: Sequence[Service], states: States) -> tuple[Service, ...]:
    """Return the pending services whose needs are all ready (or disabled)."""
    met = {State.READY, State.DISABLED}
    return tuple(
        service
        for service in services
        if states[service.name] is State.PENDING
        and all(states[need] in met for need in service.needs)
    )


def blocked(services: Sequence[Service], states: States) -> tuple[Service, ...]:
    """Return the pending services of which a need has failed or stopped."""
    lost = {State.FAILED, State.STOPPED}
    return tuple(
        service
        for service in services
        if states[service.name] is State.PENDING
        and any(states[need] in lost for need in service.needs)
    )


def settled(states: States) -> bool:
    """Tell whether nothing is still on its way up."""
    return not any(state in {State.PENDING, State.STARTING} for state in states.values())


def overall(services: Sequence[Service], states: States, *, stopping: bool) -> Status:
    """Return the status of the whole (supervisor specification §14)."""
    if stopping:
        return Status.STOPPING
    required = [states[service.name] for service in services if service.required]
    if any(state in {State.FAILED, State.STOPPED} for state in required):
        return Status.FAILED
    if not settled(states):
        return Status.STARTING
    if any(state in {State.FAILED, State.STOPPED} for state in states.values()):
        return Status.DEGRADED
    return Status.OK


def stop_order(services: Sequence[Service]) -> tuple[tuple[str, ...], ...]:
    """Return groups of names to be stopped one group after the other, dependants first."""
    remaining = {service.name: set(service.needs) for service in services}
    groups: list[tuple[str, ...]] = []
    while remaining:
        needed = set().union(*remaining.values())
        group = tuple(name for name in remaining if name not in needed)
        if not group:  # a cycle: the profile refuses them, a hand-made manifest may not
            group = tuple(remaining)
        groups.append(group)
        for name in group:
            del remaining[name]
    return tuple(groups)
