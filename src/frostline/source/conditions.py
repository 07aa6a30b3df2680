"""When a package of a lock is needed: markers, combined along the ways that lead to it.

A condition is a set of alternatives; each is the set of comparisons that must all hold. Extras and
groups are known when a lock is read, so that no condition mentions them.
"""

import re
from collections.abc import Collection, Iterable
from itertools import chain, product
from math import prod

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from frostline.core.errors import LockError

Condition = frozenset[frozenset[str]]

ALWAYS: Condition = frozenset({frozenset()})
NEVER: Condition = frozenset()

_LIMIT = 5000  # alternatives
_OPPOSITES = {
    "==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in",
    "not in": "in",
}  # fmt: skip
_TOKEN = re.compile(r"""[()]|"[^"]*"|'[^']*'|[^\s()"']+""")
_COMPARISON = re.compile(r"""("[^"]*"|\S+) (not in|\S+) ("[^"]*"|\S+)""")
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


def shortest(parts: Iterable[frozenset[str]]) -> Condition:
    """Return the condition that one of *parts* holds, without those that add nothing to it."""
    condition = {one for one in parts if not any(_opposite(item) in one for item in one)}
    return frozenset(one for one in condition if not any(other < one for other in condition))


def both(first: Condition, second: Condition) -> Condition:
    """Return the condition that *first* and *second* hold."""
    return shortest(one | other for one, other in product(first, second))


def either(first: Condition, second: Condition) -> Condition:
    """Return the condition that *first* or *second* holds."""
    return shortest(first | second)


def opposite(condition: Condition) -> Condition:
    """Return the condition that *condition* does not hold.

    Raises LockError for `~=` and `===`, which have no opposite, and for very long conditions.
    """
    if prod(map(len, condition)) > _LIMIT or not all(map(_opposite, chain(*condition))):
        message = (
            f"the lock chooses versions by markers that are too hard: {text(condition)[:200]}."
        )
        raise LockError(message, hint="lock again with the newest version of the tool")
    found = ALWAYS
    for part in condition:
        found = both(found, frozenset(frozenset({_opposite(item)}) for item in part))
    return found


def _opposite(comparison: str) -> str:
    """Return what holds where *comparison* does not; "" if that cannot be written."""
    parts = _COMPARISON.fullmatch(comparison)
    left, operator, right = parts.groups() if parts else ("", "", "")
    return f"{left} {_OPPOSITES[operator]} {right}" if operator in _OPPOSITES else ""


def text(condition: Condition) -> str:
    """Return *condition*, which is not NEVER, as a marker; "" for always."""
    return " or ".join(sorted(" and ".join(sorted(part)) for part in condition))


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
