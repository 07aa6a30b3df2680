"""When a package of a lock is needed: markers, combined along the ways that lead to it.

A condition is a set of alternatives; each is the set of comparisons that must all hold. Extras and
groups are known when a lock is read, so that no condition mentions them.
"""

import re
from collections.abc import Collection
from itertools import product

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from frostline.core.errors import LockError

Condition = frozenset[frozenset[str]]

ALWAYS: Condition = frozenset({frozenset()})
NEVER: Condition = frozenset()

_TOKEN = re.compile(r"""[()]|"[^"]*"|'[^']*'|[^\s()"']+""")
_GROUPS = {"extra", "extras", "dependency_groups"}


def parse(marker: str, chosen: Collection[str] = ()) -> Condition:
    """Return the condition of *marker*, "" for always; *chosen* are the extras and groups.

    Raises LockError if it is no marker.
    """
    if not marker:
        return ALWAYS
    try:
        tokens = _TOKEN.findall(str(Marker(marker)))
    except InvalidMarker as error:
        message = f"the lock has a marker that cannot be read: {marker}."
        raise LockError(message, hint="lock again with the tool that wrote it") from error
    return _alternatives(tokens, {canonicalize_name(name) for name in chosen})


def both(first: Condition, second: Condition) -> Condition:
    """Return the condition that *first* and *second* hold."""
    return _shortest({one | other for one, other in product(first, second)})


def either(first: Condition, second: Condition) -> Condition:
    """Return the condition that *first* or *second* holds."""
    return _shortest(first | second)


def text(condition: Condition) -> str:
    """Return *condition*, which is not NEVER, as a marker; "" for always."""
    return " or ".join(sorted(" and ".join(sorted(part)) for part in condition))


def _shortest(condition: Collection[frozenset[str]]) -> Condition:
    """Leave out what holds only if something else of *condition* holds, too."""
    return frozenset(one for one in condition if not any(other < one for other in condition))


def _alternatives(tokens: list[str], chosen: Collection[str]) -> Condition:
    found = _conjunction(tokens, chosen)
    while tokens and tokens[0] == "or":
        tokens.pop(0)
        found = either(found, _conjunction(tokens, chosen))
    return found


def _conjunction(tokens: list[str], chosen: Collection[str]) -> Condition:
    found = _item(tokens, chosen)
    while tokens and tokens[0] == "and":
        tokens.pop(0)
        found = both(found, _item(tokens, chosen))
    return found


def _item(tokens: list[str], chosen: Collection[str]) -> Condition:
    if tokens[0] == "(":
        tokens.pop(0)
        found = _alternatives(tokens, chosen)
        tokens.pop(0)  # the closing one
        return found
    left, operator = tokens.pop(0), tokens.pop(0)
    if operator == "not":
        operator += f" {tokens.pop(0)}"
    right = tokens.pop(0)
    if not {left, right} & _GROUPS:
        return frozenset({frozenset({f"{left} {operator} {right}"})})
    name = (right if left in _GROUPS else left).strip("\"'")
    holds = canonicalize_name(name) in chosen
    return ALWAYS if holds == (operator in {"==", "in"}) else NEVER
