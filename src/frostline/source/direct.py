"""Reads where a distribution that is in no index comes from."""

import re
from os.path import relpath
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import url2pathname

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from frostline.core.errors import FrostlineError, LockError
from frostline.source import addresses
from frostline.source.metadata import project_metadata
from frostline.source.pins import Direct

ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
_OTHER = ("hg+", "svn+", "bzr+")
_EGG = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9._-]+)")
_END = re.compile(r"\s;|\s#|\s--hash")
_EXTRAS = re.compile(r"\[[^\]]*\]$")


def looks_like(text: str) -> bool:
    """Return whether the line *text* names a place, and no distribution."""
    start = re.split(r"[\s;]", text)[0]
    return (
        start.startswith((".", "/", "file:", "git+", "http:", "https:", *_OTHER))
        or "\\" in start
        or ("/" in start and "@" not in start)
        or start.endswith(ARCHIVES)
    )


def parse(text: str, folder: Path, where: str, name: str = "") -> Direct:
    """Return what *text* says: a path, relative to *folder*, or an address.

    *where* is the line, for messages. Raises LockError for places that are not supported.
    """
    place = _END.split(text)[0].strip().strip("\"'")
    egg = _EGG.search(place)
    name = name or (egg["name"] if egg else "")
    address, _, fragment = place.partition("#")
    address = addresses.public(address)
    below = parse_qs(fragment).get("subdirectory", [""])[0]
    if place.startswith(_OTHER):
        message = f"{where}: {address}: only git repositories are supported."
        raise LockError(message, hint="publish a release of it in an index, and lock that")
    if place.startswith("git+"):
        repository = urlsplit(address).path.rpartition("/")[2].partition("@")[0]
        fallback = repository.removesuffix(".git")
        address = in_subdirectory(address.removeprefix("git+"), below)
        return Direct(canonicalize_name(name or fallback), "git", address)
    if place.startswith(("http:", "https:")):
        name = name or _archive_name(unquote(urlsplit(place).path))
        return Direct(name, "address", in_subdirectory(address, below))
    if place.startswith("file:"):
        place = url2pathname(urlsplit(place).path)
    path = (folder / _EXTRAS.sub("", place)).resolve()
    if path.is_dir():
        return Direct(name or _folder_name(path), "folder", str(path))
    if path.is_file():
        return Direct(name or _archive_name(path.name), "file", str(path))
    message = f"{where}: no such file or folder: {addresses.public(place)}"
    raise LockError(message, hint="correct the line, or lock again")


def absolute(text: str, item: Direct) -> str:
    """Return the place *text*, which was read as *item*, so that it is the same in any folder."""
    if item.kind not in {"folder", "file"}:
        return text
    written = _END.split(text)[0].strip()
    extras = _EXTRAS.search(written.partition("@")[0].strip()) or _EXTRAS.search(written)
    marker = f" ; {item.marker}" if item.marker else ""
    return f"{Path(item.place).as_uri()}{extras[0] if extras else ''}{marker}"


def in_subdirectory(address: str, below: object) -> str:
    """Return *address* with the folder *below* its root that holds the project, if there is one."""
    return f"{address}#subdirectory={below}" if below else address


def line(item: Direct, folder: Path) -> str:
    """Return the line of a requirements file that is read as *item*."""
    end = (f" ; {item.marker}" if item.marker else "") + "".join(
        f" --hash={one}" for one in item.hashes
    )
    if item.kind in {"folder", "file"}:
        # With "./", a path below the folder cannot be taken for a distribution.
        return f"./{Path(relpath(item.place, folder)).as_posix()}{end}\n"
    return f"{item.name} @ {'git+' if item.kind == 'git' else ''}{item.place}{end}\n"


def _archive_name(path: str) -> str:
    file = path.rpartition("/")[2]
    try:
        return str(parse_wheel_filename(file)[0])
    except InvalidWheelFilename:
        return canonicalize_name(file.rpartition("-")[0] or file)


def _folder_name(path: Path) -> str:
    try:
        return canonicalize_name(project_metadata(path)[0])
    except FrostlineError:  # setup.py or Poetry alone: people know it by its folder
        return canonicalize_name(path.name)
