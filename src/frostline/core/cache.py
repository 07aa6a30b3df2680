"""The user-wide cache: environments and wheels that builds of all projects share.

An entry is named by the digest of what it was made from, and its description holds the digest of
its content. The description is written last, and compared with the content before each use.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from frostline.core import digest, json_file, log
from frostline.core.command import Environ
from frostline.core.errors import StorageError, UsageError
from frostline.core.workspace import remove

if TYPE_CHECKING:
    from filelock import ReadWriteLock

VARIABLE = "FROSTLINE_CACHE"
Kind = Literal["environment", "wheel"]
State = Literal["removed", "in use", "kept"]

_DESCRIPTION = "entry.json"
_POLL = 0.2  # seconds; waiting inside SQLite would not notice Ctrl-C
# The entries that this process uses, each with its lock: nobody may remove them until it ends.
_used: "dict[Path, ReadWriteLock]" = {}


@dataclass(frozen=True)
class Cache:
    """The cache in the folder *root*."""

    root: Path


@dataclass(frozen=True)
class _Description:
    """The content of `entry.json`."""

    label: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """An entry: what it holds, its size in bytes, and when it was last used (seconds since 1970).

    *state* is what `clean` did with it.
    """

    kind: str
    label: str
    folder: Path
    size: int
    used: float
    state: State = "kept"


def find(environ: Environ) -> Cache:
    """Return the cache in `FROSTLINE_CACHE`, else in the platform's folder for caches; make it.

    Raises UsageError if others could change it, StorageError.
    """
    hint = f"set {VARIABLE} to a folder of your own, with its full path"
    root = Path(environ.get(VARIABLE) or _default())
    if not root.is_absolute():
        message = f"{root} is no full path, so it cannot be the cache's folder."
        raise UsageError(message, hint=hint)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        problem = _exposed(root)
    except OSError as error:
        message = f"the cache's folder {root} cannot be made: {error.strerror}."
        raise StorageError(message, hint=hint) from error
    if problem:
        message = f"the cache's folder {root} {problem}: what builds take from it could be changed."
        raise UsageError(message, hint=f'`chmod 700 "{root}"` if it is yours, or {hint}')
    return Cache(root)


def look(cache: Cache, kind: Kind, key: str) -> Path | None:
    """Return the content of an entry, or None if it is missing or was changed.

    The entry cannot be removed while this process runs.
    """
    folder = _folder(cache, kind, key)
    if folder in _used:
        return folder / "content"
    if not (folder / _DESCRIPTION).is_file():
        return None
    lock = _acquired(cache, folder, "read")
    if not _intact(folder):
        lock.release()
        return None
    os.utime(folder / _DESCRIPTION)
    _used[folder] = lock
    return folder / "content"


def provide(
    cache: Cache, kind: Kind, key: str, fill: Callable[[Path], None], *, label: str
) -> Path:
    """Return the content of an entry; if it is missing or was changed, *fill* makes it.

    *fill* gets the path of the content, which does not exist yet. *label* is shown to people. An
    error or an interrupt leaves no entry. The entry cannot be removed while this process runs.
    """
    folder = _folder(cache, kind, key)
    while not (content := look(cache, kind, key)):
        lock = _acquired(cache, folder, "write")
        try:
            if not _intact(folder):  # else another process has made it in the meantime
                _make(folder, fill, label)
        finally:
            lock.release()
    return content


def _make(folder: Path, fill: Callable[[Path], None], label: str) -> None:
    if (folder / _DESCRIPTION).is_file():
        log.warning(f"{folder} was changed after it was made; it is made again")
    remove(folder)
    try:
        folder.mkdir(parents=True, mode=0o700)
        fill(folder / "content")
        sha256, size = digest.of_folder(folder / "content")
        json_file.write(folder / _DESCRIPTION, _Description(label, size, sha256))
    except BaseException:
        remove(folder)
        raise


def clean(cache: Cache, *, days: int = 0) -> tuple[Entry, ...]:
    """Remove the entries that were not used for *days* days and that no process uses.

    Return all entries, the largest first, each with what became of it.
    """
    oldest = time.time() - days * 24 * 60 * 60
    return tuple(
        _removed(cache, entry) if entry.used <= oldest else entry
        for entry in sorted(_entries(cache), key=lambda entry: -entry.size)
    )


def _removed(cache: Cache, entry: Entry) -> Entry:
    from filelock import Timeout  # noqa: PLC0415  # imports asyncio: 0.1 s

    lock = _lock(cache, entry.folder)
    state: State = "removed"
    try:
        with lock.write_lock(timeout=0):
            remove(entry.folder)
    except (Timeout, RuntimeError):  # RuntimeError: this very process uses it
        state = "in use"
    return replace(entry, state=state)


def _entries(cache: Cache) -> Iterator[Entry]:
    for folder in sorted(path for kind in _kinds(cache) for path in kind.iterdir()):
        try:
            known = json_file.read(folder / _DESCRIPTION, _Description)
            used = (folder / _DESCRIPTION).stat().st_mtime
        except (OSError, ValueError):
            known, used = _Description("half-made", 0, ""), folder.stat().st_mtime
        yield Entry(folder.parent.name, known.label, folder, known.size, used)


def _kinds(cache: Cache) -> list[Path]:
    return [path for path in (cache.root / "environment", cache.root / "wheel") if path.is_dir()]


def _default() -> str:
    from platformdirs import user_cache_dir  # noqa: PLC0415  # only where no variable names it

    return user_cache_dir("frostline", appauthor=False)


def _exposed(root: Path) -> str:
    """Return why others can change what is in *root*, or ""."""
    who: Callable[[], int] | None = getattr(os, "geteuid", None)
    if not who:
        return ""  # Windows: a folder in the user's profile is that user's
    state = root.stat()
    if state.st_uid != who():
        return f"belongs to another user (uid {state.st_uid})"
    mode = stat.S_IMODE(state.st_mode)
    return f"is open to other users (mode {mode:o})" if mode & 0o077 else ""


def _folder(cache: Cache, kind: Kind, key: str) -> Path:
    return cache.root / kind / key[:16]


def _lock(cache: Cache, folder: Path) -> "ReadWriteLock":
    from filelock import ReadWriteLock  # noqa: PLC0415  # imports asyncio and sqlite3: 0.1 s

    place = cache.root / "lock" / f"{folder.parent.name}-{folder.name}.db"
    place.parent.mkdir(exist_ok=True, mode=0o700)
    return ReadWriteLock(place)


def _acquired(cache: Cache, folder: Path, mode: Literal["read", "write"]) -> "ReadWriteLock":
    """Return the lock of the entry in *folder*, held; say so if another process has it."""
    from filelock import Timeout  # noqa: PLC0415  # imports asyncio: 0.1 s

    lock = _lock(cache, folder)
    acquire = lock.acquire_read if mode == "read" else lock.acquire_write
    try:
        acquire(timeout=0)
    except Timeout:
        with log.step(f"waiting for another process that makes {folder.parent.name} {folder.name}"):
            while True:
                with suppress(Timeout):
                    acquire(timeout=_POLL)
                    break
    return lock


def _intact(folder: Path) -> bool:
    """Return whether the entry in *folder* is complete and unchanged."""
    try:
        known = json_file.read(folder / _DESCRIPTION, _Description)
        return digest.of_folder(folder / "content")[0] == known.sha256
    except (OSError, ValueError):
        return False
