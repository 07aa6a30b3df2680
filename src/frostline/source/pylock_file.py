"""Reads pylock.toml (PEP 751), as people have it and as uv exports uv.lock."""

import tomllib
from pathlib import Path

from packaging.pylock import (
    Package,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)

from frostline.core.errors import LockError
from frostline.source import addresses, conditions, pins
from frostline.source.conditions import Condition
from frostline.source.direct import in_subdirectory
from frostline.source.pins import Content, Direct, Pin


def read(text: str, file: Path) -> Content:
    """Return the content of the pylock.toml *text*.

    Its default groups are chosen, its extras are not. Its paths are relative to the folder of
    *file*. Raises LockError.
    """
    name, folder = file.name, file.parent
    try:
        lock = Pylock.from_dict(tomllib.loads(text))
    except PylockUnsupportedVersionError as error:
        message = f"{name} is of a later version than frostline reads: {error}."
        raise LockError(message, hint="update frostline, or export hashed requirements") from None
    except (ValueError, PylockValidationError) as error:
        message = f"{name} cannot be read: {error}."
        raise LockError(message, hint="lock again with the tool that wrote it") from None
    found = [package for package in lock.packages if _condition(package, lock)]
    places = [(package, _direct(package, folder, _condition(package, lock))) for package in found]
    direct = tuple(dict.fromkeys(place for _, place in places if place))
    pinned = tuple(_pin(package, lock, name) for package, place in places if not place)
    return Content(pinned, direct, pins.private(package.index or "" for package in found))


def _condition(package: Package, lock: Pylock) -> Condition:
    return conditions.parse(str(package.marker or ""), lock.default_groups or ())


def _direct(package: Package, folder: Path, condition: Condition) -> Direct | None:
    name, marker = package.name, conditions.text(condition)
    if package.directory:
        path = folder / package.directory.path / (package.directory.subdirectory or "")
        return Direct(name, "folder", str(path.resolve()), (), marker)
    if package.vcs:
        place = addresses.public(package.vcs.url or package.vcs.path or "")
        place = f"{place}@{package.vcs.commit_id}"
        place = in_subdirectory(place, package.vcs.subdirectory)
        return Direct(name, "git", place, (), marker)
    if not package.archive:
        return None
    hashes = pins.strongest(package.archive.hashes)
    if package.archive.path:
        path = (folder / package.archive.path).resolve()
        return Direct(name, "file", str(path), hashes, marker)
    address = addresses.public(package.archive.url or "")
    address = in_subdirectory(address, package.archive.subdirectory)
    return Direct(name, "address", address, hashes, marker)


def _pin(package: Package, lock: Pylock, name: str) -> Pin:
    if not package.version:
        message = f"{name} has no version for {package.name}."
        raise LockError(message, hint="lock again with the tool that wrote it")
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
    hashes = [item for file in files for item in pins.strongest(file.hashes)]
    return Pin(package.name, str(package.version), tuple(hashes), _condition(package, lock))
