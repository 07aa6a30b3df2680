"""One attempt to download a file, or to resume a download."""

import contextlib
import errno
import hashlib
import json
import os
import queue
import shutil
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Self

from frostline_runtime.download.filetypes import describe
from frostline_runtime.download.http_get import Response, get
from frostline_runtime.download.parts import beside, kept, part_of, read_json, sidecar_of

CHUNK = 256 * 1024
MARGIN = 16 * 1024 * 1024
LONGEST_WAIT = 60.0
HEAD = 256
_PIECES = 16
_WRITE_BACK_EVERY = 64 * 1024 * 1024
_ADVISE, _DONT_NEED = getattr(os, "posix_fadvise", None), getattr(os, "POSIX_FADV_DONTNEED", 0)
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_WORDS = {
    401: "it wants a login",
    403: "access is denied",
    404: "it has no such file",
    410: "it is gone",
}
_OK, _RANGE_NOT_SATISFIABLE = 200, 416


class DownloadError(Exception):
    """A file could not be fetched; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to download, and how to check it.

    *urls* are http, https or file addresses, or local paths; they are tried in order. *size* is
    in bytes, 0 if unknown. *sha256* is in hexadecimal, "" if unknown; then the size is checked.
    """

    name: str
    urls: tuple[str, ...]
    size: int = 0
    sha256: str = ""
    executable: bool = False


@dataclass(slots=True)
class Progress:
    """Callbacks: *update* gets the bytes done and in all (0 if unknown), *note* gets messages."""

    update: Callable[[int, int], object] = lambda *_: None
    note: Callable[[str], object] = lambda _: None


class WrongError(Exception):
    """The file cannot be had from this address."""


class LaterError(Exception):
    """A later attempt may succeed, after *wait* seconds if the server has said so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def hash_of(path: Path) -> str:
    """Return the sha256 of the file at *path*."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sizes(size: int, wanted: Wanted) -> str:
    """Return the size that a file has and the expected one, in words."""
    return f"{size} bytes, expected {wanted.size}"


@dataclass(slots=True)
class _Offer:
    """What a server offers: the file from byte *start* of *total* on."""

    start: int
    total: int
    etag: str = ""


def transfer(
    url: str,
    wanted: Wanted,
    place: Path,
    progress: Progress,
    stall: float,
) -> str:
    """Fetch the rest of the part and return the sha256 of the whole.

    *stall* is how many seconds may pass without a byte. Raises WrongError, LaterError,
    RefusedError, OSError.
    """
    if (
        wanted.sha256 and wanted.size and kept(place) == wanted.size
    ):  # complete, but not renamed yet
        return hash_of(part_of(place))
    if "://" not in url or url.startswith("file:"):
        return _copy(url, wanted, place, progress)
    start, etag = _resumable(url, wanted, place)
    headers = {"Range": f"bytes={start}-", "If-Range": etag} if start else {}
    try:
        with get(url, headers, timeout=stall) as response:
            if response.status == _RANGE_NOT_SATISFIABLE and start:
                part_of(place).unlink()
                raise LaterError("its file is shorter than the part that is here", 0.0)
            offer = _read_offer(response, start)
            if wanted.size and offer.total not in {0, wanted.size}:
                found = describe(response.read(HEAD))
                raise WrongError(f"it has {sizes(offer.total, wanted)}; it is {found}")
            _look(wanted, place, offer)
            if not offer.start:  # the new sidecar must not describe old bytes
                part_of(place).unlink(missing_ok=True)
            _write_sidecar(url, wanted, place, offer)
            return _receive(response, place, offer, wanted, progress)
    except SSLCertVerificationError as error:
        raise WrongError(f"its certificate is not trusted: {error.verify_message}") from error
    except (OSError, HTTPException) as error:
        if isinstance(error, OSError) and error.filename:  # a local file
            raise
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
            raise
        plain = error.strerror if isinstance(error, OSError) else ""
        said = " ".join(str(plain or error).split()) or type(error).__name__
        stalled = isinstance(error, TimeoutError)
        raise LaterError(f"nothing has come for {stall:g} s" if stalled else said) from error


def _resumable(url: str, wanted: Wanted, place: Path) -> tuple[int, str]:
    """Return the byte to resume from, and the ETag of the version, (0, "") if not possible."""
    known = read_json(sidecar_of(place))
    etag = str(known.get("etag", ""))
    same = known.get("url") == url and known.get("sha256") == wanted.sha256
    return (kept(place), etag) if same and etag else (0, "")


def _write_sidecar(url: str, wanted: Wanted, place: Path, offer: _Offer) -> None:
    facts = {"url": url, "sha256": wanted.sha256, "etag": offer.etag, "total": offer.total}
    if read_json(sidecar_of(place)) != facts:
        new = beside(sidecar_of(place), "", ".new")
        new.write_text(json.dumps(facts), encoding="utf-8")
        new.replace(sidecar_of(place))


def _read_offer(response: Response, asked: int) -> _Offer:
    """Return what *response* offers. Raises WrongError, LaterError."""
    status, headers = response.status, response.headers
    if status in _RETRIED:
        raise LaterError(f"it answered {status}", _retry_after(headers))
    if status not in {200, 206}:
        raise WrongError(f"it answered {status}: {_WORDS.get(status, 'not expected')}")
    if headers.get("content-encoding", "identity") != "identity":
        raise WrongError("it sends the file compressed, which was not asked for")
    etag = headers.get("etag", "")
    strong = etag if etag.startswith('"') else ""
    length = headers.get("content-length", "")
    if status == _OK:  # the server ignores the range
        return _Offer(0, int(length) if length.isdigit() else 0, strong)
    unit, _, rest = headers.get("content-range", "").partition(" ")
    span, _, total = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or first != str(asked):
        raise LaterError("it sends another part than was asked for", 0.0)
    return _Offer(asked, int(total) if total.isdigit() else 0, strong)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    said = headers.get("retry-after", "")
    return min(float(said), LONGEST_WAIT) if said.isdigit() else None


def _look(wanted: Wanted, place: Path, offer: _Offer) -> None:
    """Check version and free space before the download. Raises LaterError, DownloadError."""
    known = read_json(sidecar_of(place)).get("total")
    if offer.start and known and offer.total != known:
        part_of(place).unlink()
        raise LaterError("the file has changed there", 0.0)
    total = wanted.size or offer.total
    free = shutil.disk_usage(place.parent).free + (kept(place) if not offer.start else 0)
    needed = total - offer.start
    if total and needed + MARGIN > free:
        message = (
            f"{wanted.name} needs {needed} bytes in {place.parent}, and {free} are free: "
            "make room, then try again."
        )
        raise DownloadError(message)


def _receive(
    response: Response, place: Path, offer: _Offer, wanted: Wanted, progress: Progress
) -> str:
    """Append the body to the part; return the sha256 of the whole.

    Raises LaterError if the body ends too early, WrongError if it is too long.
    """
    total, written_back = wanted.size or offer.total, offer.start
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(part_of(place), flags, 0o644)
    try:
        os.ftruncate(descriptor, offer.start)
        done = os.lseek(descriptor, offer.start, os.SEEK_SET)
        progress.update(done, total)
        with _Hasher(part_of(place), done) as hasher:
            while piece := response.read(CHUNK):
                _write(descriptor, memoryview(piece), place)
                done += len(piece)
                hasher.put(piece)
                progress.update(done, total)
                if done - written_back >= _WRITE_BACK_EVERY:
                    written_back = _write_back(descriptor, written_back, done)
                if total and done > total:
                    raise WrongError(f"it sends more than {total} bytes")
            if total and done < total:
                raise LaterError(f"it ended after {done} of {total} bytes")
            return hasher.finish()
    finally:
        os.close(descriptor)


class _Hasher:
    """Hashes the part in a thread: first the *start* bytes in the file, then the new pieces.

    The download waits for it only when many pieces are queued.
    """

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._start = start
        self._given_up = False
        self._pieces: queue.Queue[bytes] = queue.Queue(_PIECES)
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._given_up = True
            self._end()

    def put(self, piece: bytes) -> None:
        """Add *piece* to the hash."""
        self._pieces.put(piece)

    def finish(self) -> str:
        """Return the sha256 of all bytes."""
        self._end()
        return self._hash.hexdigest()

    def _end(self) -> None:
        self._pieces.put(b"")
        self._thread.join()

    def _run(self) -> None:
        left, buffer = self._start, memoryview(bytearray(CHUNK))
        with contextlib.suppress(OSError), self._path.open("rb", buffering=0) as file:
            while left and not self._given_up:
                count = file.readinto(buffer[:left])
                if not count:  # the file was truncated: the hash will be wrong
                    break
                self._hash.update(buffer[:count])
                left -= count
        while piece := self._pieces.get():
            if not self._given_up:
                self._hash.update(piece)


def _write(descriptor: int, data: memoryview, place: Path) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError as error:
        error.filename = str(place)
        raise


def _write_back(descriptor: int, start: int, end: int) -> int:
    """Have the system write the bytes to the disk now, so that the end does not take long."""
    if _ADVISE:
        _ADVISE(descriptor, start, end - start, _DONT_NEED)
    return end


def _copy(url: str, wanted: Wanted, place: Path, progress: Progress) -> str:
    """Copy the file from a local path and return its sha256. Raises WrongError."""
    source = Path(urllib.request.url2pathname(urllib.parse.urlsplit(url).path))
    if "://" not in url:
        source = Path(url)
    try:
        size = source.stat().st_size
        _look(wanted, place, _Offer(0, size))
        shutil.copyfile(source, part_of(place))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise WrongError("there is no such file") from error
    progress.update(size, size)
    return hash_of(part_of(place))
