"""What a product has used when it ran from source, held against what its bundle holds."""

import configparser
import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from frostline.audit.findings import Finding, Severity
from frostline.core.platforms import Platform
from frostline.freeze.contents import Item
from frostline.launch.evidence import PYTHON, Fact
from frostline.profile.build import Build

_INTERNAL = "_internal/"
_AGAIN = "build it again; if that does not help: invoke evidence, and look at what changes"


def find(
    build: Build,
    facts: Sequence[Fact] | None,
    items: Sequence[Item],
    platform: Platform,
    system: Sequence[str],
) -> Iterator[Finding]:
    """Yield a finding for each thing that was used and is not in the bundle.

    What only other platforms have shown is a warning: nobody has seen that it is used on
    *platform*. *system*: patterns of libraries that every such system has.
    """
    if facts is None:
        if build.profile.services or build.profile.smoke.commands:
            yield _finding(
                "evidence.not-recorded", ".", "nobody has watched what this product uses",
                "invoke evidence, and commit what it writes", note=True,
            )  # fmt: skip
        return
    held = _Held(items, system)
    for fact in facts:
        here = platform.name in fact.platforms
        for finding in _gaps(fact, held):
            yield finding if here else replace(finding, severity="warning")


def _gaps(fact: Fact, held: "_Held") -> Iterator[Finding]:
    match fact.kind:
        case "module" if fact.package != PYTHON and not held.module(fact.name):
            yield _missing("evidence.missing-module", fact)
        case "file" if fact.name not in held.places:
            yield _missing("evidence.missing-file", fact)
        case "library" if not held.library(fact.name):
            yield _missing("evidence.missing-library", fact)
        case "metadata" if fact.name not in held.metadata:
            yield _missing("evidence.missing-metadata", fact)
        case "entry-points":
            for place, module in held.entry_points(fact.name):
                if not held.module(module):
                    reason = f"names {module} for {fact.name}, which is not in the bundle"
                    yield _finding("evidence.missing-entry-point", place, reason, _AGAIN)
        case "process" if fact.name.startswith("{python}"):
            reason = f"is {fact.why}, and there is no Python in an artifact"
            remedy = "call it in the process, or make it a service or console script"
            yield _finding("evidence.python-child", fact.name, reason, remedy)


def _missing(name: str, fact: Fact) -> Finding:
    return _finding(name, fact.name, f"was {fact.why}, and is not in the bundle", _AGAIN)


def _finding(name: str, file: str, reason: str, remedy: str, *, note: bool = False) -> Finding:
    severity: Severity = "note" if note else "error"
    return Finding(id=name, severity=severity, file=file, reason=reason, remedy=remedy)


class _Held:
    """What a bundle holds, by the names that a running product uses."""

    def __init__(self, items: Sequence[Item], system: Sequence[str]) -> None:
        self._system = system
        self.places: dict[str, Item] = {_place(item.name): item for item in items}
        self._bases = {posixpath.basename(place) for place in self.places}
        self._extensions = {
            place.partition(".")[0].replace("/", ".")
            for place in self.places
            if place.endswith((".so", ".pyd"))
        }
        self.metadata = {
            canonicalize_name(place.partition("-")[0])
            for place in self.places
            if place.endswith(".dist-info/METADATA")
        }

    def module(self, name: str) -> bool:
        return name in self.places or name in self._extensions

    def library(self, name: str) -> bool:
        base = posixpath.basename(name)
        known = any(fnmatch.fnmatchcase(base, pattern) for pattern in self._system)
        return known or base in self._bases

    def entry_points(self, group: str) -> Iterator[tuple[str, str]]:
        """Yield place and module of every entry point of *group*."""
        for place, item in self.places.items():
            if place.endswith(".dist-info/entry_points.txt"):
                parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
                parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep case, as its manual says
                parser.read_string(item.read().decode("utf-8", "replace"))
                if parser.has_section(group):
                    for _, value in parser.items(group):
                        yield place, value.partition(":")[0].strip()


def _place(name: str) -> str:
    return (name.partition("!")[2] or name).removeprefix(_INTERNAL)
