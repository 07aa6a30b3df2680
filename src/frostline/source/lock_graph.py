"""Walks from a project's dependencies through the packages of a lock without groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from frostline.source import conditions
from frostline.source.conditions import ALWAYS, NEVER, Condition


@dataclass(frozen=True)
class Wanted:
    """A dependency: whether it *allows* a version, and when it is needed."""

    name: str
    allows: Callable[[str], bool]
    extras: tuple[str, ...] = ()
    condition: Condition = ALWAYS


@dataclass(frozen=True)
class Package:
    """A package of a lock: the Pythons that it fits, and what each extra needs ("" for always)."""

    name: str
    version: str
    fits: Condition
    needs: Mapping[str, tuple[Wanted, ...]]


# A package by its place in the lock, and one of its extras or "".
_Node = tuple[int, str]


@dataclass
class _Walk:
    """What is known so far; *open* are the dependencies that several versions satisfy."""

    packages: Sequence[Package]
    found: dict[_Node, Condition] = field(default_factory=dict)
    open: dict[tuple[_Node | None, int], tuple[Wanted, list[int]]] = field(default_factory=dict)


def walk(roots: Iterable[Wanted], packages: Sequence[Package]) -> dict[int, Condition]:
    """Return when each of *packages*, by its place, is needed for *roots*.

    Where several versions satisfy a dependency, the others decide: a lock has one version at a
    time. Where none does, it is the highest that fits the Python. Raises LockError for markers that
    cannot tell versions apart.
    """
    known = _Walk(packages)
    for number, root in enumerate(roots):
        _follow(known, None, number, root)
    while _decide(known):
        pass
    return {place: found for (place, extra), found in known.found.items() if not extra and found}


def _follow(known: _Walk, source: _Node | None, number: int, wanted: Wanted) -> None:
    """Follow the dependency *wanted*, the one with *number* of *source*; None is the project."""
    named = [place for place, each in enumerate(known.packages) if each.name == wanted.name]
    named.sort(key=lambda place: Version(known.packages[place].version), reverse=True)
    allowed = [place for place in named if wanted.allows(known.packages[place].version)]
    if len(allowed) > 1:
        known.open[source, number] = wanted, allowed
    for place in allowed if len(allowed) == 1 else ():
        _reach(known, place, wanted, conditions.both(_when(known, source), wanted.condition))


def _when(known: _Walk, source: _Node | None) -> Condition:
    return known.found.get(source, NEVER) if source else ALWAYS


def _reach(known: _Walk, place: int, wanted: Wanted, condition: Condition) -> None:
    """Note that the package at *place*, with the extras of *wanted*, is needed on *condition*."""
    for extra in ("", *wanted.extras):
        before = known.found.get((place, extra), NEVER)
        after = conditions.either(before, condition)
        if after != before:
            known.found[place, extra] = after
            for number, need in enumerate(known.packages[place].needs.get(extra, ())):
                _follow(known, (place, extra), number, need)


def _decide(known: _Walk) -> bool:
    """Give each open dependency its versions; return whether that is something new."""
    before = dict(known.found)
    for (source, _), (wanted, allowed) in list(known.open.items()):
        needed = rest = conditions.both(_when(known, source), wanted.condition)
        for place in allowed:
            decided = known.found.get((place, ""), NEVER)
            _reach(known, place, wanted, conditions.both(needed, decided))
            rest = conditions.both(rest, conditions.opposite(decided))
        for place in allowed:
            fits = known.packages[place].fits
            _reach(known, place, wanted, conditions.both(rest, fits))
            rest = conditions.both(rest, conditions.opposite(fits))
    return known.found != before
