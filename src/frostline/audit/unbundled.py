"""Compares a bundle with the evidence: finds what the product uses and the bundle lacks."""

import configparser
import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from frostline.audit.findings import Finding, finding
from frostline.freeze.contents import Item
from frostline.launch import evidence
from frostline.launch.evidence import PYTHON, Fact
from frostline.profile.build import Build


def find(
    build: Build, facts: Sequence[Fact] | None, items: Sequence[Item], system: Sequence[str]
) -> Iterator[Finding]:
    """Yield a finding for each thing that a traced run used and the bundle lacks.

    Facts of other platforms only yield warnings. *system*: patterns of the libraries that the
    operating system provides.
    """
    if facts is None:
        if build.profile.services or build.profile.smoke.commands:
            yield finding("evidence.not-recorded", ".", "was never traced")
        return
    content = _Content(items, system)
    for fact in evidence.applying(facts, build.platform):
        here = build.platform.name in fact.platforms
        for found in _unbundled(fact, content):
            yield found if here else replace(found, severity="warning")


def _unbundled(fact: Fact, content: "_Content") -> Iterator[Finding]:
    missing = f"was {fact.why}, but is not in the bundle"
    match fact.kind:
        case "module" if fact.package != PYTHON and not content.has_module(fact.name):
            yield finding("evidence.missing-module", fact.name, missing)
        case "file" if fact.name not in content.places:
            yield finding("evidence.missing-file", fact.name, missing)
        case "library" if not content.has_library(fact.name):
            yield finding("evidence.missing-library", fact.name, missing)
        case "metadata" if fact.name not in content.metadata:
            yield finding("evidence.missing-metadata", fact.name, missing)
        case "entry-points":
            for place, module in content.entry_points(fact.name):
                if not content.has_module(module):
                    reason = f"names {module} for {fact.name}, which is not in the bundle"
                    yield finding("evidence.missing-entry-point", place, reason)
        case "process" if fact.name.startswith("{python}"):
            reason = f"was {fact.why}; an artifact has no Python"
            yield finding("evidence.python-child", fact.name, reason)


class _Content:
    """The content of a bundle, by the names that a running product uses."""

    def __init__(self, items: Sequence[Item], system: Sequence[str]) -> None:
        self._system = system
        self.places: dict[str, Item] = {item.place: item for item in items}
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

    def has_module(self, name: str) -> bool:
        return name in self.places or name in self._extensions

    def has_library(self, name: str) -> bool:
        base = posixpath.basename(name)
        known = any(fnmatch.fnmatchcase(base, pattern) for pattern in self._system)
        return known or base in self._bases

    def entry_points(self, group: str) -> Iterator[tuple[str, str]]:
        """Yield the metadata file and the module of every entry point of *group*."""
        for place, item in self.places.items():
            if place.endswith(".dist-info/entry_points.txt"):
                parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
                parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep case, as its manual says
                parser.read_string(item.read().decode("utf-8", "replace"))
                if parser.has_section(group):
                    for _, value in parser.items(group):
                        yield place, value.partition(":")[0].strip()
