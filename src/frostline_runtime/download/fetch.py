"""Fetches a file: it is complete and checked under its name, or not there at all.

While it is fetched, its bytes are in `NAME.part`, and `NAME.part.json` says where they came from.
After an interruption the next attempt resumes there, in this process or in another one.
"""

import contextlib
import errno
import json
import os
import random
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from frostline_runtime.download.filetypes import describe
from frostline_runtime.download.http_get import RefusedError
from frostline_runtime.download.parts import (
    bad_of,
    kept,
    lock_of,
    part_of,
    read_json,
    sidecar_of,
    stamp_of,
)
from frostline_runtime.download.transfer import (
    HEAD,
    LONGEST_WAIT,
    DownloadError,
    LaterError,
    Progress,
    Wanted,
    WrongError,
    hash_of,
    sizes,
    transfer,
)
from frostline_runtime.system import current

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Time limits in seconds, and the number of attempts for each address."""

    stall: float = 60.0
    lock: float = 600.0
    attempts: int = 5
    pause: float = 0.5


def fetch(
    wanted: Wanted, place: Path, *, progress: Progress | None = None,
    limits: Limits | None = None, offline: bool = False,
) -> bool:  # fmt: skip
    """Fetch *wanted* to *place*; return False if it was there already. Raises DownloadError."""
    told, limits = progress or Progress(), limits or Limits()
    if is_there(wanted, place):
        return False
    if offline:
        message = f"{wanted.name} is missing ({place}) and nothing may be fetched."
        raise DownloadError(message)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _locked(place, told, limits.lock):
            if is_there(wanted, place):  # the process that held the lock has fetched it
                return False
            _fetch_from_any(wanted, place, told, limits)
    except OSError as error:  # of a local file: errors of the network are handled below
        at = error.filename or place
        message = f"{wanted.name} cannot be written to {at}: {error.strerror or error}."
        raise DownloadError(message) from error
    return True


def is_there(wanted: Wanted, place: Path, *, whole: bool = False) -> bool:
    """Tell whether *place* is *wanted*; with *whole*, hash it even if it was checked before."""
    try:
        status = place.stat()
    except OSError:
        return False
    if wanted.size and status.st_size != wanted.size:
        return False
    if not wanted.sha256:
        return True
    stamp = stamp_of(place)
    seen = {"size": status.st_size, "mtime": status.st_mtime_ns, "sha256": wanted.sha256}
    if not whole and read_json(stamp) == seen:
        return True
    same = False
    with contextlib.suppress(OSError):  # a file that cannot be read counts as missing
        same = hash_of(place) == wanted.sha256
    if same:
        with contextlib.suppress(OSError):  # without a stamp it is hashed again next time
            stamp.write_text(json.dumps(seen), encoding="utf-8")
    return same


@contextlib.contextmanager
def _locked(place: Path, progress: Progress, timeout: float) -> Iterator[None]:
    """Hold the lock of *place*; report who holds it while waiting. Raises DownloadError."""
    path, began, told = lock_of(place), time.monotonic(), False
    while True:
        try:
            held = current.lock(path)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            progress.note(
                f"{path.parent} has no file locks: do not fetch {place.name} twice at the same time"
            )
            yield
            return
        if held is not None:
            break
        holder = _holder(path)
        if time.monotonic() - began > timeout:
            message = f"{holder} has been fetching {place.name} for {timeout:.0f} s: {path}."
            raise DownloadError(message)
        if not told:
            progress.note(f"{holder} is fetching {place.name}; waiting for it")
            told = True
        time.sleep(0.1)
    try:
        # Not into the first byte: Windows locks it against reading.
        os.ftruncate(held, 0)
        os.write(held, f" process {os.getpid()}".encode())
        yield
    finally:
        os.close(held)


def _holder(lock: Path) -> str:
    try:
        with lock.open("rb") as file:
            file.seek(1)
            return file.read(40).decode("ascii", "replace").strip() or "another process"
    except OSError:
        return "another process"


def _fetch_from_any(wanted: Wanted, place: Path, progress: Progress, limits: Limits) -> None:
    reasons = []
    for url in wanted.urls:
        try:
            _fetch_from(url, wanted, place, progress, limits)
        except WrongError as error:
            reasons.append(f"{_shown(url)}: {error}")
            progress.note(reasons[-1])
            continue
        _finish(wanted, place)
        return
    why = "; ".join(reasons) or "no address is given"
    message = f"{wanted.name} could not be fetched: {why}."
    if kept(place):
        message += f" The next attempt continues after {kept(place)} bytes."
    raise DownloadError(message)


def _shown(url: str) -> str:
    """Return *url* without user, password and query, which may be secret."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return url if not host else f"{parts.scheme}://{host}{parts.path}"


def _fetch_from(url: str, wanted: Wanted, place: Path, progress: Progress, limits: Limits) -> None:
    """Fetch the part from *url* and check it, with new attempts while it makes progress.

    Raises WrongError.
    """
    failures, second, most = 0, False, kept(place)
    while True:
        try:
            digest = transfer(url, wanted, place, progress, limits.stall)
        except RefusedError as error:
            raise WrongError(str(error)) from error
        except LaterError as error:
            failures = 1 if kept(place) > most else failures + 1
            most = max(most, kept(place))
            if failures >= limits.attempts:
                raise WrongError(f"{error} ({failures} attempts)") from error
            wait = _pause(failures, limits.pause) if error.wait is None else error.wait
            progress.note(f"{_shown(url)}: {error}; again in {wait:.0f} s")
            time.sleep(min(wait, LONGEST_WAIT))
            continue
        problem = _check(wanted, place, digest)
        if not problem:
            return
        if second:
            raise WrongError(problem)
        second = True
        progress.note(f"{_shown(url)}: {problem}; once more from the beginning")


def _pause(failures: int, unit: float) -> float:
    return unit * 2.0 ** (failures - 1) * random.uniform(0.5, 1.5)  # noqa: S311  # spreads the load


def _check(wanted: Wanted, place: Path, digest: str) -> str:
    """Return what is wrong with the part, "" if nothing; a wrong part is renamed."""
    part = part_of(place)
    size = part.stat().st_size
    if wanted.size and size != wanted.size:
        problem = f"it has {sizes(size, wanted)}"
    elif wanted.sha256 and digest != wanted.sha256:
        problem = f"its sha256 is {digest}, expected {wanted.sha256} ({size} bytes)"
    else:
        return ""
    with part.open("rb") as file:
        head = file.read(HEAD)
    part.replace(bad_of(place))
    sidecar_of(place).unlink(missing_ok=True)
    return f"{problem}; it is {describe(head)}. It is kept as {bad_of(place)}"


def _finish(wanted: Wanted, place: Path) -> None:
    """Rename the part to its final name, so that it survives a power cut."""
    part = part_of(place)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    if wanted.executable:
        part.chmod(part.stat().st_mode | 0o111)
    part.replace(place)
    for path in (sidecar_of(place), bad_of(place)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not every system can sync a folder
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    if wanted.sha256:
        status = place.stat()
        seen = {"size": status.st_size, "mtime": status.st_mtime_ns, "sha256": wanted.sha256}
        stamp_of(place).write_text(json.dumps(seen), encoding="utf-8")
