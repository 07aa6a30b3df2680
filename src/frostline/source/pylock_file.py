"""Reads pylock.toml (PEP 751), as people have it and as uv exports uv.lock."""

import tomllib
from collections.abc import Iterator

from packaging.pylock import (
    Package,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)

from frostline.core.errors import LockError
from frostline.source import addresses, conditions, pins
from frostline.source.pins import Direct, Pin


def read(text: str, name: str) -> tuple[tuple[Pin, ...], tuple[Direct, ...]]:
    """Return what the pylock.toml *text* pins, and what comes from elsewhere than an index.

    Its default groups are chosen, its extras are not. *name* is for messages. Raises LockError.
    """
    try:
        lock = Pylock.from_dict(tomllib.loads(text))
    except PylockUnsupportedVersionError as error:
        message = f"{name} is of a later version than frostline reads: {error}."
        raise LockError(message, hint="update frostline, or export hashed requirements") from None
    except (ValueError, PylockValidationError) as error:
        message = f"{name} cannot be read: {error}."
        raise LockError(message, hint="lock again with the tool that wrote it") from None
    found = [package for package in lock.packages if _condition(package, lock)]
    direct = tuple(dict.fromkeys(item for package in found for item in _direct(package)))
    return tuple(_pin(package, lock, name) for package in found if not [*_direct(package)]), direct


def _condition(package: Package, lock: Pylock) -> conditions.Condition:
    return conditions.parse(str(package.marker or ""), lock.default_groups or ())


def _direct(package: Package) -> Iterator[Direct]:
    if package.directory:
        yield Direct(package.name, "folder", package.directory.path)
    elif package.vcs:
        place = addresses.public(package.vcs.url or package.vcs.path or "")
        yield Direct(package.name, "git", f"{place}@{package.vcs.commit_id}")
    elif package.archive and package.archive.path:
        yield Direct(package.name, "file", package.archive.path)
    elif package.archive:
        yield Direct(package.name, "address", addresses.public(package.archive.url or ""))


def _pin(package: Package, lock: Pylock, name: str) -> Pin:
    if not package.version:
        message = f"{name} has no version for {package.name}."
        raise LockError(message, hint="lock again with the tool that wrote it")
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
    hashes = [item for file in files for item in pins.strongest(file.hashes)]
    return Pin(package.name, str(package.version), tuple(hashes), _condition(package, lock))
