"""The installed distributions of a product, and their files for the bundle."""

import contextlib
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from frostline.core.errors import LockError
from frostline.profile.build import Build
from frostline.profile.profile import Package

# Installers write them; they differ between machines and are not read at run time.
VOLATILE = frozenset(
    {"INSTALLER", "RECORD", "RECORD.jws", "REQUESTED", "direct_url.json", "uv_cache.json"}
)
LIBRARY_SUFFIXES = (".so", ".dylib", ".dll", ".pyd")

Installed = dict[str, Distribution]
# Name, version, package URL and licence of a component.
Part = tuple[str, str, str, str]


def installed(*folders: Path) -> Installed:
    """Return the distributions in *folders* by normalised name."""
    items = distributions(path=[str(folder) for folder in folders])
    return {canonicalize_name(item.metadata["Name"]): item for item in items}


def check_lock(everything: Installed, product: str, lock: str) -> None:
    """Raise LockError unless *everything* satisfies the requirements of *product*.

    *lock* is the lock's name for the message.
    """
    wrong = []
    for requirement in requirements(everything[canonicalize_name(product)]):
        found = everything.get(canonicalize_name(requirement.name))
        if not found:
            wrong.append(f"{requirement} is not in it")
        elif not requirement.specifier.contains(found.version, prereleases=True):
            wrong.append(f"{requirement}, but it pins {found.version}")
    if wrong:
        message = f"{lock} does not satisfy the product: {'; '.join(wrong)}."
        raise LockError(message, hint="lock again, with hashes and all that the packages need")


def metadata_files(found: Distribution) -> Iterator[tuple[str, Path]]:
    """Yield the metadata files of *found* for the bundle, each with its path there."""
    folder = _metadata_folder(found)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in VOLATILE and "sboms" not in path.parts:
            yield f"{folder.name}/{path.relative_to(folder).as_posix()}", path


def parts(found: Distribution) -> tuple[Part, ...]:
    """Return the components compiled into *found*.

    Reads the CycloneDX documents in its metadata (PEP 770); ignores others and invalid ones.
    """
    components: set[Part] = set()
    for path in sorted((_metadata_folder(found) / "sboms").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            document = json.loads(path.read_text(encoding="utf-8"))
            for item in document["components"] if document["bomFormat"] == "CycloneDX" else ():
                entries = [entry.get("license", entry) for entry in item.get("licenses", ())]
                named = (entry.get("expression") or entry.get("id") or "" for entry in entries)
                licence = next(filter(None, named), "")
                components.add((item["name"], item["version"], item["purl"], licence))
    return tuple(sorted(components))


def console_script_module(everything: Installed, script: str) -> str:
    """Return the module that the console script *script* calls. Raises LockError if none does."""
    for item in everything.values():
        for entry in item.entry_points:
            if entry.group == "console_scripts" and entry.name == script:
                return entry.module
    message = f'no distribution of the product has a console script "{script}".'
    raise LockError(message, hint="correct console_scripts in the profile, or lock its package")


def modules(found: Distribution) -> Iterator[str]:
    """Yield the name of every module that *found* installs, extension modules included."""
    for path in _files(found):
        if path.suffix in {".py", *LIBRARY_SUFFIXES}:
            parts = (*path.parts[:-1], path.name.partition(".")[0])
            if all(part.isidentifier() for part in parts):
                yield ".".join(parts).removesuffix(".__init__")


def package_modules(found: Distribution, package: str) -> list[str]:
    """Return the name of every Python module of *package* that *found* installs."""
    names = []
    for path in _files(found):
        if path.suffix == ".py" and path.parts[0] == package:
            parts = path.with_suffix("").parts
            if all(part.isidentifier() for part in parts):
                names.append(".".join(parts).removesuffix(".__init__"))
    return sorted(names)


def package_files(found: Distribution, package: str, options: Package) -> dict[str, Path]:
    """Return the data and libraries of *package* that *options* ask for, by path in the bundle."""
    chosen = {}
    for path in _files(found):
        if path.parts[0] not in {package, f"{package}.libs"} or path.suffix in {".py", ".pyc"}:
            continue
        wanted = options.binaries if path.suffix in LIBRARY_SUFFIXES else options.data
        if wanted:
            chosen[path.as_posix()] = Path(str(found.locate_file(path)))
    return chosen


def named(everything: Installed, build: Build) -> Iterator[tuple[str, Package, Distribution]]:
    """Yield each package that the profile of *build* names, its options, and who installs it.

    Raises LockError for one that nothing installs, unless its name was only inferred.
    """
    guessed = {item.key.removeprefix("packages.") for item in build.inferred}
    for package, options in build.profile.packages.items():
        if package not in guessed or _is_installed(everything, package):
            yield package, options, owner(everything, package)


def without_metadata(everything: Installed, build: Build) -> frozenset[str]:
    """Return the distributions whose metadata the profile leaves out. Raises LockError."""
    return frozenset(
        canonicalize_name(found.metadata["Name"])
        for _, options, found in named(everything, build)
        if not options.metadata
    )


def owner(everything: Installed, package: str) -> Distribution:
    """Return the distribution that installs *package*. Raises LockError."""
    for item in everything.values():
        if _has(item, package):
            return item
    message = f"packages.{package}: no installed distribution has such a package."
    raise LockError(message, hint="correct its name in the profile, or add it to the lock")


def requirements(found: Distribution) -> Iterator[Requirement]:
    """Yield the requirements of *found* whose markers apply here, without those of extras."""
    for line in found.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _has(found: Distribution, package: str) -> bool:
    return any(path.parts[0] in {package, f"{package}.py"} for path in _files(found))


def _is_installed(everything: Installed, package: str) -> bool:
    return any(_has(found, package) for found in everything.values())


def _files(found: Distribution) -> Iterable[PurePosixPath]:
    return found.files or ()


def _metadata_folder(found: Distribution) -> Path:
    name = canonicalize_name(found.metadata["Name"], validate=False).replace("-", "_")
    root = Path(str(found.locate_file("")))
    for folder in root.glob("*.dist-info"):
        if folder.name.partition("-")[0].lower().replace(".", "_").replace("-", "_") == name:
            return folder
    message = f"the metadata folder of {name} is not in {root}."
    raise LockError(message, hint="run `frostline clean --cache` and build again")
