"""Reads, writes and applies evidence, `specs/<product>.evidence.json`.

Evidence is the list of what a product used when it was traced, over all runs and platforms. It is
reviewed and committed, so that builds need not trace the product.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from itertools import groupby
from pathlib import PurePosixPath
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frostline.core import text_file, workspace
from frostline.core.errors import UsageError
from frostline.core.platforms import Platform
from frostline.profile.build import Build
from frostline.source import distributions
from frostline.source.distributions import Installed

Kind = Literal["module", "file", "folder", "library", "metadata", "entry-points", "process"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# The package name for modules of the standard library.
PYTHON = "python"
# Users start scripts by name; programs do not look them up by group.
_SCRIPTS = {"console_scripts", "gui_scripts"}
_CODE = (".py", ".pyc", ".pyi")


@dataclass(frozen=True, order=True)
class Fact:
    """One thing that the product used; *why* names its first user and the step of the run.

    *name* is a module that no import statement names, the path of a file or folder in the bundle,
    the path or file name of a library, a distribution, a group of entry points, or a command line.
    """

    package: str
    kind: Kind
    name: str
    why: str
    platforms: tuple[str, ...]


@dataclass(frozen=True)
class Additions:
    """The modules, files and libraries that the evidence adds to a bundle, files by their path."""

    modules: frozenset[str]
    files: frozenset[str]
    libraries: frozenset[str]


class _Used(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    why: str
    platforms: tuple[str, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_: Literal[1] = Field(alias="schema")
    packages: Mapping[str, Mapping[Kind, Mapping[str, _Used]]]


def load(build: Build) -> tuple[Fact, ...] | None:
    """Return the product's evidence, or None if it has none. Raises UsageError if it is invalid."""
    path = build.workspace.evidence(build.product)
    try:
        text = text_file.read(path)
    except FileNotFoundError:
        return None
    try:
        found = _File.model_validate_json(text)
    except ValidationError as error:
        name, first = path.relative_to(build.root).as_posix(), error.errors()[0]["msg"]
        message = f"{name} cannot be read: {first}."
        hint = f"correct it, or run `frostline evidence --product {build.product}` again"
        raise UsageError(message, hint=hint) from None
    return tuple(
        sorted(
            Fact(package, kind, name, used.why, used.platforms)
            for package, kinds in found.packages.items()
            for kind, names in kinds.items()
            for name, used in names.items()
        )
    )


def write(build: Build, facts: Iterable[Fact]) -> None:
    """Write *facts* as the product's evidence: sorted, one per line."""
    lines = []
    for package, of_package in groupby(sorted(facts), lambda fact: fact.package):
        kinds = []
        for kind, of_kind in groupby(of_package, lambda fact: fact.kind):
            used = (
                f"   {_json(f.name)}: {_json({'why': f.why, 'platforms': f.platforms})}"
                for f in of_kind
            )
            kinds.append(f"  {_json(kind)}: {{\n{_joined(used)}\n  }}")
        lines.append(f" {_json(package)}: {{\n{_joined(kinds)}\n }}")
    text = f'{{"schema": 1, "packages": {{\n{_joined(lines)}\n}}}}\n'
    workspace.write(build.workspace.evidence(build.product), text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _joined(lines: Iterable[str]) -> str:
    return ",\n".join(lines)


def merge(
    old: Iterable[Fact], new: Iterable[Fact], platform: str, *, keep: bool
) -> tuple[Fact, ...]:
    """Return *old* merged with *new*, the facts of a run on *platform*.

    Old facts of that platform that are not in *new* are removed unless *keep* is set. A known fact
    keeps its *why*, so that the file changes only where the facts do.
    """
    known = {(fact.package, fact.kind, fact.name): fact for fact in old}
    shown = {(fact.package, fact.kind, fact.name): fact for fact in new}
    merged = []
    for key in known.keys() | shown.keys():
        before = known.get(key)
        here = key in shown or (keep and before is not None and platform in before.platforms)
        others = [name for name in before.platforms if name != platform] if before else []
        on = tuple(sorted([*others, *([platform] if here else [])]))
        if on:
            merged.append(Fact(*key, (before or shown[key]).why, on))
    return tuple(sorted(merged))


def applying_to(build: Build) -> tuple[Fact, ...]:
    """Return the evidence for the product's platform; empty if there is none. Raises UsageError."""
    return applying(load(build) or (), build.platform)


def applying(facts: Iterable[Fact], platform: Platform) -> tuple[Fact, ...]:
    """Return the facts seen on *platform*, or all facts if the product was never traced there."""
    everything = tuple(facts)
    seen = tuple(fact for fact in everything if platform.name in fact.platforms)
    return seen or everything


def additions(facts: Iterable[Fact], shipped: Installed) -> Additions:
    """Return what *facts* add to the bundle of a product whose distributions are *shipped*.

    An opened file adds all data files of its folder, too (and the code, if the file is code): a
    run may open one of forty translations.
    """
    modules: set[str] = set()
    files: set[str] = set()
    libraries: set[str] = set()
    importable = {name for item in shipped.values() for name in distributions.modules(item)}
    installed = {place: name for name, item in shipped.items() for place in _places(item)}
    for fact in facts:
        match fact.kind:
            case "module" if fact.package == PYTHON or fact.name in importable:
                modules.add(fact.name)  # a fact of another platform may not be installed here
            case "file" | "folder":
                files.update(_around(fact, installed))
            case "library":
                libraries.update({fact.name} & installed.keys())
            case "entry-points":
                modules.update(entry_point_modules(shipped, fact.name))
            case _:  # all metadata is collected in any case
                continue
    return Additions(frozenset(modules), frozenset(files), frozenset(libraries))


def entry_point_modules(shipped: Installed, group: str) -> frozenset[str]:
    """Return the modules that the entry points of *group* name; none for groups of scripts."""
    if group in _SCRIPTS:
        return frozenset()
    return frozenset(
        entry.module
        for item in shipped.values()
        for entry in item.entry_points
        if entry.group == group
    )


def _places(item: Distribution) -> Iterator[str]:
    for path in item.files or ():
        if ".." not in path.parts and "__pycache__" not in path.parts:
            yield path.as_posix()


def _around(fact: Fact, installed: Mapping[str, str]) -> Iterator[str]:
    """Yield the installed files that the opened file or listed folder of *fact* adds."""
    place = PurePosixPath(fact.name)
    folder = place if fact.kind == "folder" else place.parent
    if fact.kind == "file" and fact.name in installed:
        yield fact.name
    if not folder.parts:  # site-packages itself, which belongs to no package
        return
    code = place.suffix == ".py"
    for other in installed:
        if other.startswith(f"{folder}/") and not other.endswith(distributions.LIBRARY_SUFFIXES):
            is_code = other.endswith(_CODE)
            if not is_code or (code and other.endswith(".py")):
                yield other
