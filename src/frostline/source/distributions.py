"""Which installed distributions a product is made of, and what of them goes into the bundle."""

import contextlib
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from frostline.core.errors import LockError
from frostline.profile.profile import Package

# Made by installers, different on every machine, and not read at run time.
VOLATILE = frozenset(
    {"INSTALLER", "RECORD", "RECORD.jws", "REQUESTED", "direct_url.json", "uv_cache.json"}
)
_FREEZER = "pyinstaller"
LIBRARY_SUFFIXES = (".so", ".dylib", ".dll", ".pyd")

Installed = dict[str, Distribution]
# Name, version, package URL and licence of a component.
Part = tuple[str, str, str, str]


def installed(*folders: Path) -> Installed:
    """Return the distributions in *folders* by normalised name."""
    found = distributions(path=[str(folder) for folder in folders])
    return {canonicalize_name(item.metadata["Name"]): item for item in found}


def contributing(everything: Installed, product: str) -> Installed:
    """Return the product and what it needs; of the freezer's own needs only what both need."""
    mine = _closure(everything, product)
    tools = _closure(everything, _FREEZER)
    chosen = [name for name in everything if name in mine or name not in tools]
    return {name: everything[name] for name in sorted(chosen)}


def check_lock(everything: Installed, product: str, lock: str) -> None:
    """Raise LockError unless what is installed satisfies what the product requires."""
    wrong = []
    for requirement in _requirements(everything[canonicalize_name(product)]):
        found = everything.get(canonicalize_name(requirement.name))
        if not found:
            wrong.append(f"{requirement} is not in it")
        elif not requirement.specifier.contains(found.version, prereleases=True):
            wrong.append(f"{requirement}, but it pins {found.version}")
    if _FREEZER not in everything:
        wrong.append("pyinstaller is not in it")
    if wrong:
        message = f"{lock} does not fit the product: {'; '.join(wrong)}."
        raise LockError(message, hint="run `nox -s lock` and look at what changes")


def metadata_files(found: Distribution) -> Iterator[tuple[str, Path]]:
    """Yield the lasting metadata files of *found* by their place in the bundle."""
    folder = _metadata_folder(found)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in VOLATILE and "sboms" not in path.parts:
            yield f"{folder.name}/{path.relative_to(folder).as_posix()}", path


def parts(found: Distribution) -> tuple[Part, ...]:
    """Return what was compiled into *found*.

    From the CycloneDX documents in its metadata (PEP 770); others, and broken ones, tell nothing.
    """
    told: set[Part] = set()
    for path in sorted((_metadata_folder(found) / "sboms").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            document = json.loads(path.read_text(encoding="utf-8"))
            for item in document["components"] if document["bomFormat"] == "CycloneDX" else ():
                entries = [entry.get("license", entry) for entry in item.get("licenses", ())]
                named = (entry.get("expression") or entry.get("id") or "" for entry in entries)
                licence = next(filter(None, named), "")
                told.add((item["name"], item["version"], item["purl"], licence))
    return tuple(sorted(told))


def console_script_module(everything: Installed, script: str) -> str:
    """Return the module behind the console script *script*. Raises LockError."""
    for item in everything.values():
        for entry in item.entry_points:
            if entry.group == "console_scripts" and entry.name == script:
                return entry.module
    message = f'no distribution of the product has a console script "{script}".'
    raise LockError(message, hint="correct console_scripts in the profile, or add its package")


def modules(found: Distribution) -> Iterator[str]:
    """Yield every module that *found* installs, extension modules too."""
    for path in _files(found):
        if path.suffix in {".py", *LIBRARY_SUFFIXES}:
            parts = (*path.parts[:-1], path.name.partition(".")[0])
            if all(part.isidentifier() for part in parts):
                yield ".".join(parts).removesuffix(".__init__")


def package_modules(found: Distribution, package: str) -> list[str]:
    """Return every module of *package* that *found* installs."""
    names = []
    for path in _files(found):
        if path.suffix == ".py" and path.parts[0] == package:
            parts = path.with_suffix("").parts
            if all(part.isidentifier() for part in parts):
                names.append(".".join(parts).removesuffix(".__init__"))
    return sorted(names)


def package_files(found: Distribution, package: str, options: Package) -> dict[str, Path]:
    """Return data and libraries of *package* by their place in the bundle, as *options* say."""
    chosen = {}
    for path in _files(found):
        if path.parts[0] not in {package, f"{package}.libs"} or path.suffix in {".py", ".pyc"}:
            continue
        wanted = options.binaries if path.suffix in LIBRARY_SUFFIXES else options.data
        if wanted:
            chosen[path.as_posix()] = Path(str(found.locate_file(path)))
    return chosen


def owner(everything: Installed, package: str) -> Distribution:
    """Return the distribution that installs *package*. Raises LockError."""
    for item in everything.values():
        if any(path.parts[0] in {package, f"{package}.py"} for path in _files(item)):
            return item
    message = f"packages.{package}: no installed distribution has such a package."
    raise LockError(message, hint="correct its name in the profile, or add it to the lock")


def _files(found: Distribution) -> Iterable[PurePosixPath]:
    return found.files or ()


def _metadata_folder(found: Distribution) -> Path:
    name = canonicalize_name(found.metadata["Name"], validate=False).replace("-", "_")
    root = Path(str(found.locate_file("")))
    for folder in root.glob("*.dist-info"):
        if folder.name.partition("-")[0].lower().replace(".", "_").replace("-", "_") == name:
            return folder
    message = f"the metadata folder of {name} is not in {root}."
    raise LockError(message, hint="remove build/env and build again")


def _closure(everything: Installed, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [canonicalize_name(start)]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in everything:
            continue
        seen.add(name)
        waiting += [canonicalize_name(item.name) for item in _requirements(everything[name])]
    return seen


def _requirements(found: Distribution) -> Iterator[Requirement]:
    """Yield what *found* needs here; extras are taken as wanted where they are installed."""
    for line in found.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            yield requirement
