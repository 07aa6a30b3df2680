"""Finds the distribution of each collected file in PyInstaller's tables of contents."""

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from frostline.source.distributions import Installed

PYTHON, SYSTEM, PRODUCT = "python", "system", "product"
_NATIVE = {"BINARY", "EXTENSION"}
_KINDS = _NATIVE | {"PYMODULE", "PYMODULE-1", "PYMODULE-2", "PYSOURCE", "DATA"}
_ENTRY = 3


@dataclass(frozen=True)
class Provenance:
    """The origin of everything in a bundle.

    *distributions*: the version of each, and the number of its collected files. *libraries*: the
    owner of each native file by path: a distribution, `python` (the interpreter) or `system`.
    *owners*: the owner of every module and file; `product` for the product's own. *pruned*: the
    number and bytes of the files that were left out.
    """

    distributions: Mapping[str, tuple[str, int]]
    libraries: Mapping[str, str]
    owners: Mapping[str, str]
    pruned: tuple[int, int]


class Collected(NamedTuple):
    """What PyInstaller collected: its path in the bundle, its source, and its kind in the TOC."""

    place: str
    source: str
    kind: str


def read(work: Path, installed: Installed, base: Path, pruned: Collection[str] = ()) -> Provenance:
    """Return the provenance of what PyInstaller collected, from its *work* folder.

    *base* is the folder of the interpreter, *pruned* the paths of the files left out.
    """
    owners = dict(_owners(installed))
    counted: Counter[str] = Counter()
    out, left_out = frozenset(pruned), list[int]()
    libraries: dict[str, str] = {}
    owner_of: dict[str, str] = {}
    for place, source, kind in sorted(entries(work)):
        path = Path(source)
        owner = owners.get(path, "")
        if kind == "DATA" and Path(place).as_posix() in out:
            left_out.append(path.stat().st_size)
            continue
        if owner and ".dist-info" not in place:
            counted[owner] += 1
        if not owner:
            inside = path.is_relative_to(base) or path.resolve().is_relative_to(base)
            owner = PYTHON if inside else SYSTEM if kind in _NATIVE else PRODUCT
        owner_of[Path(place).as_posix()] = owner
        if kind in _NATIVE:
            libraries[place] = owner
    collected = {name: (installed[name].version, counted[name]) for name in sorted(counted)}
    return Provenance(collected, libraries, owner_of, (len(left_out), sum(left_out)))


def entries(work: Path) -> set[Collected]:
    """Return everything that PyInstaller collected, from its *work* folder."""
    found: set[Collected] = set()
    for file in work.rglob("Analysis-*.toc"):
        waiting = [ast.literal_eval(file.read_text(encoding="utf-8"))]
        while waiting:
            value = waiting.pop()
            if isinstance(value, tuple) and len(value) == _ENTRY and value[2] in _KINDS:
                found.add(Collected(str(value[0]), str(value[1]), str(value[2])))
            elif isinstance(value, list | tuple):
                waiting += value
    return found


def _owners(installed: Installed) -> Iterator[tuple[Path, str]]:
    for name, found in installed.items():
        for file in found.files or ():
            yield Path(str(found.locate_file(file))), name
