"""What a lock says, whoever wrote it: pinned distributions with hashes, and what has no hash."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name
from pip._internal.models.index import PyPI  # the public index, as pip knows it

from frostline.core.errors import LockError
from frostline.source import conditions
from frostline.source.conditions import Condition

Kind = Literal["folder", "file", "git", "address"]
_ALGORITHMS = ("sha256", "sha384", "sha512")  # those that pip takes, in this order


@dataclass(frozen=True)
class Pin:
    """One version of a distribution, with the hashes (`sha256:…`) of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]
    condition: Condition = conditions.ALWAYS


@dataclass(frozen=True, order=True)
class Direct:
    """A distribution that is in no index: it comes from *place*, without credentials.

    The project may lie in a subdirectory: then *place* ends in `#subdirectory=…`.

    *hashes* are those of an archive; *marker* says where it is needed, "" for everywhere.
    """

    name: str
    kind: Kind
    place: str
    hashes: tuple[str, ...] = ()
    marker: str = ""


@dataclass(frozen=True)
class Content:
    """What the file of a lock says; *indexes* are the private ones that it names."""

    pins: tuple[Pin, ...] = ()
    direct: tuple[Direct, ...] = ()
    indexes: tuple[str, ...] = field(default=(), repr=False)  # may hold credentials


@dataclass(frozen=True)
class ProjectLock:
    """What a project's dependencies are locked to.

    *text* is hashed requirements for all platforms. It has no addresses and does not name the
    product. *origin* is shown to people. *files* are what it was read from. *indexes* are the
    private ones that its files name.
    """

    origin: str
    text: str
    direct: tuple[Direct, ...] = ()
    files: tuple[Path, ...] = ()
    indexes: tuple[str, ...] = field(default=(), repr=False)  # may hold credentials


def render(pins: Iterable[Pin], without: str = "") -> str:
    """Return *pins* as hashed requirements, sorted; leave out the product, *without*.

    Raises LockError if one has no hash.
    """
    merged: dict[tuple[str, str], Pin] = {}
    for pin in pins:
        key = (canonicalize_name(pin.name), pin.version)
        same = merged.get(key, Pin(key[0], pin.version, (), conditions.NEVER))
        hashes = tuple(sorted({*same.hashes, *pin.hashes}))
        condition = conditions.either(same.condition, pin.condition)
        merged[key] = Pin(key[0], pin.version, hashes, condition)
    return "".join(
        _lines(pin)
        for (name, _), pin in sorted(merged.items())
        if pin.condition and name != canonicalize_name(without)
    )


def _lines(pin: Pin) -> str:
    if not pin.hashes:
        message = f"the lock has no hash for {pin.name} {pin.version}."
        raise LockError(message, hint="lock again with the tool that wrote it, with hashes")
    marker = conditions.text(pin.condition)
    first = f"{pin.name}=={pin.version}" + (f" ; {marker}" if marker else "")
    return " \\\n    ".join([first, *(f"--hash={item}" for item in pin.hashes)]) + "\n"


def strongest(hashes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the one of *hashes*, by algorithm, that installers take; nothing if there is none."""
    found = (f"{name}:{hashes[name]}" for name in _ALGORITHMS if name in hashes)
    return tuple(found)[:1]


def private(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the *addresses* of indexes without the public one, each once."""
    public = f"://{PyPI.netloc}/"
    return tuple(dict.fromkeys(item for item in addresses if item and public not in item))
