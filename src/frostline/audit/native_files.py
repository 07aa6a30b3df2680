"""Checks that the native files of a bundle can be loaded on the platform's minimum system."""

import fnmatch
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from frostline.audit.findings import Finding, finding
from frostline.core import native
from frostline.core.native import Native, Version
from frostline.core.platforms import Platform
from frostline.freeze.contents import Item

_FORMATS = {"linux": "elf", "darwin": "mach-o", "windows": "pe"}


@dataclass(frozen=True)
class NativeFile:
    """A program or library of the bundle; *digest* is its SHA-256."""

    item: Item
    native: Native
    digest: str

    @property
    def name(self) -> str:
        """Return its path in the bundle."""
        return self.item.name

    @property
    def needs(self) -> Version:
        """Return the oldest system that can load it."""
        return self.native.glibc or self.native.minimum


def find(
    platform: Platform, files: Sequence[NativeFile], items: Sequence[Item], system: Sequence[str]
) -> Iterator[Finding]:
    """Yield the findings about the native *files* among the *items* of a bundle for *platform*.

    *system*: patterns of the libraries that the operating system provides.
    """
    names = {item.base for item in items}
    by_folder: dict[str, set[str]] = {}
    for item in items:
        by_folder.setdefault(item.folder, set()).add(item.base)
    for file in files:
        foreign = _foreign(file, platform)
        if foreign:
            yield foreign  # the other rules do not apply to a file for another system
            continue
        for library in file.native.needed:
            if not _is_there(library, file, names, by_folder, system):
                reason = f"needs {library}, which neither the bundle nor the system has"
                yield finding("native.unresolved", file.name, reason)
        for rpath in file.native.rpaths:
            if file.native.format == "elf" and native.resolved(file.item.folder, rpath) is None:
                reason = f"searches for libraries in {rpath}, outside the bundle"
                yield finding("native.rpath", file.name, reason)
        if file.native.weak:
            yield finding("native.hardening", file.name, f"has {', '.join(file.native.weak)}")
    yield from _too_new(files, platform)
    yield from _duplicates(files)


def newest(files: Sequence[NativeFile]) -> str:
    """Return the newest system that any of *files* needs, such as `2.34`, or "" if unknown."""
    return _dotted(max((file.needs for file in files), default=()))


def _foreign(file: NativeFile, platform: Platform) -> Finding | None:
    expected, facts = _FORMATS[platform.system], file.native
    if facts.format == expected and platform.machine in facts.machines:
        return None
    kind = f"{facts.format} for {' and '.join(facts.machines) or 'an unknown machine'}"
    reason = f"is {kind}, not {expected} for {platform.machine}"
    return finding("native.architecture", file.name, reason)


def _is_there(
    library: str, file: NativeFile, names: set[str], by_folder: Mapping[str, set[str]],
    system: Sequence[str],
) -> bool:  # fmt: skip
    base = posixpath.basename(library)
    if any(fnmatch.fnmatchcase(library, pattern) for pattern in system):
        return True
    if file.native.format != "elf":  # other loaders also search folders that no file names
        return base in names or base.lower() in {name.lower() for name in names}
    searched = (native.resolved(file.item.folder, rpath) for rpath in file.native.rpaths)
    folders = {"", *filter(None, searched)}
    return any(base in by_folder.get(folder, set()) for folder in folders)


def _too_new(files: Sequence[NativeFile], platform: Platform) -> Iterator[Finding]:
    word, promised = platform.oldest
    needed = max((file.needs for file in files), default=())
    at = [file.name for file in files if needed and file.needs == needed]
    if _bare(needed) > _bare(promised):
        more = f" (and so do {len(at) - 1} more)" if len(at) > 1 else ""
        reason = f"needs {word} {_dotted(needed)}{more}; {platform.name} allows {platform.minimum}"
        yield finding("native.minimum", at[0], reason)


def _bare(version: Version) -> Version:
    """Return *version* without trailing zeros: 11.0 equals 11."""
    return _bare(version[:-1]) if version[-1:] == (0,) else version


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _duplicates(files: Sequence[NativeFile]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for file in files:
        if file.digest in first:
            reason = f"is the same file as {first[file.digest]} ({file.item.size} bytes)"
            yield finding("native.duplicate", file.name, reason)
        first.setdefault(file.digest, file.name)
