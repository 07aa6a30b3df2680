"""Explains why something is in a bundle, and how large each file of it is."""

import posixpath
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from frostline.core import native
from frostline.core.errors import SmokeError, UsageError, did_you_mean
from frostline.freeze import contents
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.freeze.contents import Item
from frostline.freeze.manifest import is_excluded
from frostline.freeze.plan import Plan, read_plan
from frostline.launch import evidence
from frostline.launch.evidence import Fact
from frostline.profile.build import Build
from frostline.profile.profile import Profile

_NODE = re.compile(r'<a name="([^"]+)"></a>(.*?)(?=<a name="|\Z)', re.DOTALL)
_IMPORTS = re.compile(r"\nimports:\n(.*?)</div>", re.DOTALL)
_TARGET = re.compile(r'href="#([^"]+)"')
_MOST = 12

Graph = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class BuiltProduct:
    """A built product with all data that explanations need."""

    graph: Graph
    items: Sequence[Item]
    bundle: Bundle
    plan: Plan
    profile: Profile
    facts: Sequence[Fact]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why *name* is in a bundle.

    *chain* is the chain of imports from the start, *importers* the modules that import it,
    *reasons* are sentences. *size* is its size in bytes. *modules* and *alone*: the number and
    bytes of the modules that leave the bundle when this module does.
    """

    name: str
    owner: str
    size: int
    chain: tuple[str, ...]
    importers: tuple[str, ...]
    reasons: tuple[str, ...]
    modules: int
    alone: int


def explain(build: Build, name: str) -> Explanation:
    """Return why the module or file *name* is in the bundle of *build*.

    Raises NotBuiltError, and UsageError if *name* is not in the bundle.
    """
    bundle = require_bundle(build)
    built = BuiltProduct(
        read_graph(build.work / "pyinstaller"), [*contents.walk(build.bundle)], bundle,
        read_plan(build), build.profile, evidence.applying_to(build),
    )  # fmt: skip
    return why(name, built)


def sizes(build: Build) -> dict[str, dict[str, int]]:
    """Return the sizes of all files in the bundle of *build*, by owner and path.

    Files inside archives are included. Raises NotBuiltError.
    """
    bundle, found = require_bundle(build), dict[str, dict[str, int]]()
    items = [*contents.walk(build.bundle)]
    archives = {item.name.rpartition("!")[0] for item in items}
    for item in items:
        if item.name not in archives and not item.link:
            standard = "base_library.zip" in item.name or "/lib-dynload/" in item.name
            owner = bundle.owners.get(item.place, "python" if standard else "product")
            found.setdefault(owner, {})[item.place] = item.size
    return found


def read_graph(work: Path) -> Graph:
    """Return the imports of each module from PyInstaller's cross-reference. Raises SmokeError."""
    found: dict[str, tuple[str, ...]] = {}
    for path in work.rglob("xref-*.html"):
        for name, block in _NODE.findall(path.read_text(encoding="utf-8")):
            imports = _IMPORTS.search(block)
            found[name] = tuple(_TARGET.findall(imports[1])) if imports else ()
    if not found:
        message = "PyInstaller's cross-reference of imports is missing."
        raise SmokeError(message, hint="build again with --clean")
    return found


def chain(graph: Graph, name: str) -> tuple[str, ...]:
    """Return the shortest chain of imports from a script to module *name*, empty if none."""
    before: dict[str, str] = {}
    waiting = deque(_roots(graph))
    seen = {*waiting}
    while waiting:
        module = waiting.popleft()
        if module == name:
            path = [name]
            while path[-1] in before:
                path.append(before[path[-1]])
            return tuple(reversed(path))
        for other in graph.get(module, ()):
            if other not in seen:
                seen.add(other)
                before[other] = module
                waiting.append(other)
    return ()


def only_through(graph: Graph, name: str) -> frozenset[str]:
    """Return the modules that leave the bundle when *name* and its submodules do."""
    return _reachable(graph, ()) - _reachable(graph, (name,))


def _reachable(graph: Graph, excludes: Collection[str]) -> frozenset[str]:
    seen = {*_roots(graph)}
    waiting = [*seen]
    while waiting:
        for other in graph.get(waiting.pop(), ()):
            if other not in seen and not is_excluded(other, excludes):
                seen.add(other)
                waiting.append(other)
    return frozenset(seen)


def _roots(graph: Graph) -> list[str]:
    return sorted(name for name in graph if name.endswith(".py"))


def why(name: str, built: BuiltProduct) -> Explanation:
    """Return why the module or file *name* is in a bundle. Raises UsageError if it is not."""
    graph, sizes = built.graph, {item.place: item.size for item in built.items}
    place = name if name in sizes else _file_of(name, sizes)
    if name in graph and (place or _is_base(name, built.items)):
        alone = only_through(graph, name)
        return Explanation(
            name=name, owner=built.bundle.owners.get(place, "python"), size=sizes.get(place, 0),
            chain=chain(_without_hidden(built), name) or chain(graph, name),
            importers=tuple(sorted(other for other, its in graph.items() if name in its))[:_MOST],
            reasons=tuple(_module_reasons(name, built)), modules=len(alone),
            alone=sum(sizes.get(m) or sizes.get(_file_of(m, sizes), 0) for m in alone),
        )  # fmt: skip
    if name not in sizes:
        raise UsageError(_absent(name, built), hint=_near(name, graph, sizes))
    reasons = [*_file_reasons(name, built), *_needed_by(name, built.items)]
    return Explanation(
        name=name, owner=built.bundle.owners.get(name, "product"), size=sizes[name], chain=(),
        importers=(), reasons=tuple(reasons or ["a hook of PyInstaller collects it"]),
        modules=0, alone=sizes[name],
    )  # fmt: skip


def _without_hidden(built: BuiltProduct) -> Graph:
    """Return the graph without hidden imports, which seem to be imported by a script."""
    own = {built.profile.entry.partition(".")[0], "frostline_runtime"}
    hidden = {m for m in built.plan.hidden_imports if m.partition(".")[0] not in own}
    return {
        name: tuple(other for other in its if other not in hidden) if name in roots else its
        for roots in [_roots(built.graph)]
        for name, its in built.graph.items()
    }


def _module_reasons(name: str, built: BuiltProduct) -> Iterator[str]:
    reasons = [f"evidence: {f.why}" for f in built.facts if (f.kind, f.name) == ("module", name)]
    reasons += ["hidden_imports in the profile"] * (name in built.profile.hidden_imports)
    if name in built.plan.hidden_imports and not reasons:
        reasons = ["it is a module of the product, of a script or of an entry point"]
    yield from reasons


def _file_reasons(name: str, built: BuiltProduct) -> Iterator[str]:
    for fact in built.facts:
        folder = fact.name if fact.kind == "folder" else posixpath.dirname(fact.name)
        if fact.kind == "file" and fact.name == name:
            yield f"evidence: {fact.why}"
        elif fact.kind in {"file", "folder"} and folder and name.startswith(f"{folder}/"):
            yield f"evidence: it is in the folder of {fact.name}, which was {fact.why}"
    for table in built.profile.data:
        folder = "" if table.destination == "." else f"{table.destination}/"
        rest = PurePosixPath(name.removeprefix(folder))
        if name.startswith(folder) and (table.glob == "**/*" or rest.match(table.glob)):
            yield f"[[data]] of the profile: {table.source}"
    if ".dist-info/" in name:
        yield "the metadata of every distribution is collected"


def _needed_by(name: str, items: Sequence[Item]) -> Iterator[str]:
    base = posixpath.basename(name)
    for item in items:
        if not item.link and native.recognised((data := item.read())[:4]):
            parsed = native.parse(data)
            if parsed and base in map(posixpath.basename, parsed.needed):
                yield f"{item.place} needs it"


def _absent(name: str, built: BuiltProduct) -> str:
    if name in built.bundle.missing:
        return f"{name} is not in the bundle: it is imported, but PyInstaller did not find it."
    if is_excluded(name, built.plan.excludes):
        return f"{name} is not in the bundle: it is excluded."
    return f"there is no module or file {name} in the bundle."


def _near(name: str, graph: Graph, sizes: Mapping[str, int]) -> str:
    near = did_you_mean(name, sorted({*graph, *sizes} - {name})).strip()
    return near or "name a file by its path in the bundle, a module with dots"


def _is_base(name: str, items: Iterable[Item]) -> bool:
    base = f"base_library.zip!{name.replace('.', '/')}"
    return any(item.name.endswith((f"{base}.pyc", f"{base}/__init__.pyc")) for item in items)


def _file_of(module: str, sizes: Mapping[str, int]) -> str:
    """Return the path of the extension module *module*, or "" if there is none."""
    start = module.replace(".", "/") + "."
    ends = (".so", ".pyd")
    found = (p for p in sizes if p.endswith(ends) and (p.startswith(start) or f"/{start}" in p))
    return next(found, "")
