"""Knows for which platforms the locks of a product have wheels, by the record beside each lock."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from frostline.core import digest, json_file, wheel_tags
from frostline.core.errors import LockError
from frostline.core.platforms import PLATFORMS, Platform
from frostline.core.workspace import Workspace
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import lock_files
from frostline.source.environment import lock_blocks
from frostline.source.metadata import required_metadata

REMEDY = "name it in [[wheels]] and run `frostline wheels`, or lock another version"
_SHA256 = re.compile(r"--hash=sha256:([0-9a-f]+)")


@dataclass(frozen=True)
class WheelRecord:
    """By platform, the requirements of a lock that have no wheel for it.

    *lock* is the digest of the lock's text, *python* the Python that the wheels are for (`3.11`).
    """

    lock: str
    python: str
    missing: dict[str, tuple[str, ...]]


def survey(text: str, files: Mapping[str, str], python: str) -> WheelRecord:
    """Return the record of the lock *text*; *files* are the index's wheels by SHA-256.

    A wheel whose hash is not in the lock does not count. Raises LockError for a line that is no
    requirement.
    """
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("-"))
    try:
        blocks = lock_blocks(plain)
    except InvalidRequirement as error:
        message = f"the lock has a line that is no requirement: {error}"
        raise LockError(message, hint="write it as `name==version`, with its hashes") from error
    missing = {}
    for platform in PLATFORMS.values():
        environment = wheel_tags.markers(platform, python)
        tags = wheel_tags.tags(platform, python)
        missing[platform.name] = tuple(
            f"{requirement.name}{requirement.specifier}"
            for requirement, block in blocks
            if not requirement.marker or requirement.marker.evaluate(environment)
            if not any(tags & parse_wheel_filename(n)[3] for n in _names(requirement, block, files))
        )
    return WheelRecord(text_digest(text), python, missing)


def _names(requirement: Requirement, block: str, files: Mapping[str, str]) -> Iterator[str]:
    if requirement.url:
        name = PurePosixPath(unquote(urlsplit(requirement.url).path)).name
        yield from (name,) if name.endswith(".whl") else ()
    yield from (files[sha256] for sha256 in _SHA256.findall(block) if sha256 in files)


def text_digest(text: str) -> str:
    """Return the digest by which a record knows the lock that it is of."""
    return digest.of_values({"lock": text})  # of the text: line ends differ between checkouts


def locks(project: Workspace, profile: Profile) -> tuple[str, ...]:
    """Return the locks of *profile*: the product's own, if it has one, and of its `before` steps.

    Raises LockError, UsageError, TomlError.
    """
    named = (own_lock(project, profile), *(step.requirements for step in profile.before))
    return tuple(name for name in named if name)


def own_lock(project: Workspace, profile: Profile) -> str:
    """Return the lock of the product itself, as its profile names it or as it is found, or ""."""
    if profile.requirements:
        return profile.requirements
    found = lock_files.find(project.root / profile.source)
    if not (found and found.resolved):
        return ""
    return Path(relpath(found.file, project.root)).as_posix()


def record_file(lock: Path) -> Path:
    """Return the file of the record of *lock*, beside it."""
    return lock.with_suffix(".wheels.json")


def missing(project: Workspace, profile: Profile, platform: Platform, python: str) -> list[str]:
    """Return the requirements of *profile* that are known to have no wheel for *platform*.

    What the profile's `[[wheels]]` name has one.
    """
    own = {
        canonicalize_name(table.name or required_metadata(project.root / table.source)[0])
        for table in profile.wheels
    }
    found = []
    for lock in locks(project, profile):
        record = _read(project, lock, python)
        names = () if isinstance(record, str) else record.missing[platform.name]
        built = own if lock == own_lock(project, profile) else set()
        found += [name for name in names if canonicalize_name(name.partition("==")[0]) not in built]
    return [*dict.fromkeys(found)]


def unknown(project: Workspace, profile: Profile, python: str) -> Iterator[str]:
    """Yield why it is not known which wheels a lock of *profile* has, for each such lock."""
    for lock in locks(project, profile):
        record = _read(project, lock, python)
        if isinstance(record, str):
            yield f"{lock}: {record}; run `frostline matrix --record`"


def reason(product: str, platform: Platform, names: list[str], python: str) -> str:
    """Return why *product* is not built for *platform*: *names* have no wheel."""
    return (
        f"{product} is not built for {platform.name}: its locks have no wheel of "
        f"{', '.join(names)} for it and Python {python}."
    )


def require(build: Build, python: str) -> None:
    """Raise LockError if a requirement of *build* is known to have no wheel for its platform."""
    names = missing(build.workspace, build.profile, build.platform, python)
    if names:
        raise LockError(reason(build.product, build.platform, names, python), hint=REMEDY)


def _read(project: Workspace, lock: str, python: str) -> WheelRecord | str:
    """Return the record of *lock*, or why there is none that can be used."""
    path = project.root / lock
    file = record_file(path)
    try:
        record = json_file.read(file, WheelRecord)
    except FileNotFoundError:
        return "for which platforms it has wheels is not recorded"
    except (OSError, ValueError):
        return f"{file.name} cannot be read"
    if record.lock != text_digest(path.read_text(encoding="utf-8")):
        return f"it was changed after {file.name} was written"
    if record.python != python:
        return f"{file.name} is for Python {record.python}, not {python}"
    if set(record.missing) != set(PLATFORMS):
        return f"{file.name} has other platforms than frostline"
    return record
