"""Downloads from real servers: attempts, mirrors, locks, and what lies beside the file."""

import contextlib
import errno
import hashlib
import json
import os
import random
import re
import stat
import sys
import time
from pathlib import Path

import pytest
from faulty_http import ETAG, Behaviour, Exchange, FaultyServer

from frostline_runtime.download import fetch as module
from frostline_runtime.download.fetch import Limits, fetch, is_there
from frostline_runtime.download.parts import bad_of, lock_of, part_of, sidecar_of, stamp_of
from frostline_runtime.download.transfer import DownloadError, Progress, Wanted
from frostline_runtime.system import current

BYTES = b"0123456789ab"
SIZE = len(BYTES)
SHA256 = hashlib.sha256(BYTES).hexdigest()
WRONG = hashlib.sha256(bytes(SIZE)).hexdigest()
NO_SERVER = "ftp://a.example/model"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where the file is fetched to, in a folder that is not there."""
    return tmp_path / "folder" / "model"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have no pauses; return the seconds of those that were wanted."""
    seen: list[float] = []
    monkeypatch.setattr(time, "sleep", seen.append)
    return seen


def wanted(*urls: str, size: int = SIZE, sha256: str = SHA256, executable: bool = False) -> Wanted:
    """Return the file that the server has."""
    return Wanted(name="model", urls=urls, size=size, sha256=sha256, executable=executable)


def failure(file: Wanted, place: Path, *, attempts: int = 1, offline: bool = False) -> str:
    """Return why *file* could not be fetched."""
    with pytest.raises(DownloadError) as caught:
        fetch(file, place, limits=Limits(attempts=attempts), offline=offline)
    return str(caught.value)


def good(exchange: Exchange) -> None:
    """Send the file, or the part of it that is asked for."""
    exchange.body(exchange.offer(content=BYTES))


def status(number: int, **headers: object) -> Behaviour:
    """Answer with *number* and no file."""
    return lambda exchange: exchange.head(number, Content_Length=0, **headers)


def wrong(exchange: Exchange) -> None:
    """Send other bytes."""
    exchange.body(exchange.offer(content=bytes(SIZE)))


def at_first(fault: Behaviour) -> Behaviour:
    """Be good from the second request on."""
    return lambda exchange: (fault if exchange.number == 1 else good)(exchange)


def stamp(place: Path) -> object:
    """Return what is noted about a file that was checked."""
    return json.loads(stamp_of(place).read_text(encoding="utf-8"))


def stamped(place: Path) -> dict[str, object]:
    """Return what is to be noted about the file."""
    status = place.stat()
    return {"size": SIZE, "mtime": status.st_mtime_ns, "sha256": SHA256}


def names(folder: Path) -> set[str]:
    """Return what is in *folder*."""
    return {path.name for path in folder.iterdir()}


# What is there


def test_a_file_is_hashed_once(tmp_path: Path) -> None:
    """A stamp tells that it was checked, until its size or time changes or it is asked for."""
    place = tmp_path / "model"
    assert not is_there(wanted(), place)
    place.write_bytes(BYTES)
    assert is_there(wanted(), place)
    assert stamp(place) == stamped(place)
    times = (place.stat().st_atime_ns, place.stat().st_mtime_ns)
    place.write_bytes(bytes(SIZE))
    os.utime(place, ns=times)
    assert is_there(wanted(), place)
    assert not is_there(wanted(), place, whole=True)
    os.utime(place, ns=(0, 0))
    assert not is_there(wanted(), place)


def test_what_is_not_known_is_not_checked(tmp_path: Path) -> None:
    """Only the size may be known, or nothing; a folder has no hash."""
    place = tmp_path / "model"
    place.write_bytes(BYTES)
    assert is_there(wanted(size=0, sha256=""), place)
    assert is_there(wanted(sha256=""), place)
    assert not is_there(wanted(size=SIZE + 1, sha256=""), place)
    (tmp_path / "folder").mkdir()
    assert not is_there(wanted(size=0), tmp_path / "folder")


def test_a_file_that_is_there(place: Path) -> None:
    """Nothing is fetched; the first time its folders are made."""
    place = place.parent / "inner" / "model"
    with FaultyServer(good) as server:
        assert fetch(wanted(server.url()), place)
        assert not fetch(wanted(server.url()), place)
        assert len(server.exchanges) == 1


def test_nothing_may_be_fetched(place: Path) -> None:
    """The message says which file is missing, and where."""
    message = failure(wanted(NO_SERVER), place, offline=True)
    assert message == f"model is missing ({place}) and nothing may be fetched."


# What lies beside


def test_what_is_left(place: Path) -> None:
    """The file with its stamp and its lock, which names this process; a wrong one is forgotten."""
    place.parent.mkdir()
    for path in (bad_of(place), lock_of(place)):
        path.write_text("something that was longer than what is written now")
    with FaultyServer(good) as server:
        assert fetch(wanted(server.url()), place)
    assert place.read_bytes() == BYTES
    assert names(place.parent) == {"model", ".model.lock", ".model.verified"}
    assert stamp(place) == stamped(place)
    assert lock_of(place).read_text() == f" process {os.getpid()}"


def test_a_file_that_cannot_be_checked(place: Path) -> None:
    """It gets no stamp, and is no program."""
    with FaultyServer(good) as server:
        assert fetch(Wanted(name="model", urls=(server.url(),)), place)
    assert not place.stat().st_mode & 0o111
    assert names(place.parent) == {"model", ".model.lock"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such mode")
@pytest.mark.parametrize(("executable", "bits"), [(False, 0), (True, 0o111)])
def test_a_program(place: Path, executable: bool, bits: int) -> None:  # noqa: FBT001
    """Everybody may run it, and only if it is one."""
    with FaultyServer(good) as server:
        fetch(wanted(server.url(), executable=executable), place)
    assert place.stat().st_mode & 0o113 == bits


def test_a_power_cut(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are on the disk before the file has its name; then the name is."""
    synced: list[tuple[int, os.stat_result, bool]] = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.append((number, os.fstat(number), place.exists()))
    )
    with FaultyServer(good) as server:
        fetch(wanted(server.url()), place)
    _, status, named = synced[0]
    assert (status.st_size, named) == (SIZE, False)
    for folder, status, named in synced[1:]:  # Windows cannot open folders
        assert (stat.S_ISDIR(status.st_mode), named) == (True, True)
        with contextlib.suppress(OSError):  # it is closed
            assert not os.path.samestat(os.fstat(folder), place.parent.stat())
    assert len(synced) == (1 if os.name == "nt" else 2)


def test_a_place_that_cannot_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what the system names, or else the file."""
    place.parent.write_bytes(b"")
    message = failure(wanted(NO_SERVER), place)
    assert message.startswith(f"model cannot be written to {place.parent}: ")
    place.parent.unlink()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "it is full")

    monkeypatch.setattr(os, "ftruncate", full)
    message = failure(wanted(NO_SERVER), place)
    assert message == f"model cannot be written to {place}: it is full."


# Attempts


def test_attempts_end(place: Path, pauses: list[float]) -> None:
    """Without progress there are as many as are allowed, with longer pauses."""
    with FaultyServer(status(500)) as server:
        url = server.url()
        message = failure(wanted(url), place, attempts=3)
        assert len(server.exchanges) == 3
    assert message == f"model could not be fetched: {url}: it answered 500 (3 attempts)."
    first, second = pauses
    assert 0.25 <= first <= 0.75
    assert 0.5 <= second <= 1.5


def test_attempts_with_progress(place: Path, pauses: list[float]) -> None:
    """Attempts count anew when more bytes have come than ever before."""
    with FaultyServer(lambda exchange: exchange.body(exchange.offer(content=BYTES)[:2])) as server:
        assert fetch(wanted(server.url()), place, limits=Limits(attempts=2))
        assert [exchange.start for exchange in server.exchanges] == [0, 2, 4, 6, 8, 10]
    assert len(pauses) == 5


def test_the_server_says_when(place: Path, pauses: list[float]) -> None:
    """The pause is as long as it says."""
    with FaultyServer(at_first(status(503, Retry_After="7"))) as server:
        assert fetch(wanted(server.url()), place)
    assert pauses == [7.0]


def test_pauses_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are doubled, and spread by a half."""
    monkeypatch.setattr(random, "uniform", lambda low, _: low)
    assert [module._pause(failures, 0.5) for failures in (1, 4)] == [0.25, 2.0]
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    assert [module._pause(failures, 0.5) for failures in (1, 4)] == [0.75, 6.0]


def test_wrong_bytes_once(place: Path) -> None:
    """They are fetched once more from the beginning."""
    with FaultyServer(at_first(wrong)) as server:
        assert fetch(wanted(server.url()), place)
        assert [exchange.start for exchange in server.exchanges] == [0, 0]
    assert place.read_bytes() == BYTES
    assert not bad_of(place).exists()


def test_wrong_bytes_twice(place: Path) -> None:
    """They are kept for inspection, without the notes of a part."""
    with FaultyServer(wrong) as server:
        url = server.url()
        message = failure(wanted(url), place)
        assert len(server.exchanges) == 2
    assert message == (
        f"model could not be fetched: {url}: its sha256 is {WRONG}, expected {SHA256} (12 bytes); "
        "it is nothing but zeros: the download was not finished. "
        f"It is kept as {bad_of(place)}."
    )
    assert bad_of(place).read_bytes() == bytes(SIZE)
    assert names(place.parent) == {"model.bad", ".model.lock"}


def test_a_wrong_file_of_this_machine(place: Path) -> None:
    """It has no notes; the message tells the size, and what it is."""
    source = place.parent.parent / "source"
    source.write_bytes(b"GGUF")
    message = failure(wanted(str(source)), place)
    assert message == (
        f"model could not be fetched: {source}: it has 4 bytes, expected 12; it is a GGUF model. "
        f"It is kept as {bad_of(place)}."
    )


def test_a_part_is_kept(place: Path, pauses: list[float]) -> None:
    """The message says how much need not be fetched again."""
    with FaultyServer(lambda exchange: exchange.body(exchange.offer(content=BYTES)[:3])) as server:
        message = failure(wanted(server.url()), place)
    assert message.endswith("of 12 bytes (1 attempts). The next attempt continues after 3 bytes.")
    assert part_of(place).read_bytes() == BYTES[:3]
    assert json.loads(sidecar_of(place).read_text(encoding="utf-8"))["etag"] == ETAG
    assert pauses == []


# Addresses


def test_all_addresses_are_tried(place: Path) -> None:
    """The first that has the file ends it; the message has no secrets of the others."""
    source = place.parent.parent / "source"
    notes: list[str] = []
    with FaultyServer(status(404)) as server:
        secret = server.url("/m?token=1").replace("//", "//me:secret@")
        shown = f"{server.url('/m')}: it answered 404: it has no such file"
        message = failure(wanted(secret, NO_SERVER, str(source)), place)
        assert message == (
            f"model could not be fetched: {shown}; {NO_SERVER}: ftp is not an address that can be "
            f"fetched (http, https); {source}: there is no such file."
        )
        source.write_bytes(BYTES)
        assert fetch(wanted(secret, str(source)), place, progress=Progress(note=notes.append))
    assert notes == [shown]


def test_no_address(place: Path) -> None:
    """The message says so."""
    message = failure(wanted(), place)
    assert message == "model could not be fetched: no address is given."


# Locks


def held(place: Path, text: str) -> int:
    """Hold the lock of *place* with *text* in it; return its descriptor."""
    place.parent.mkdir()
    descriptor = current.lock(lock_of(place))
    assert descriptor is not None
    os.write(descriptor, text.encode())
    return descriptor


def test_another_process_fetches_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, which is told once; then the file is there."""
    lock = held(place, " process 77")
    notes: list[str] = []
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            place.write_bytes(BYTES)
            os.close(lock)

    monkeypatch.setattr(time, "sleep", pause)
    assert not fetch(wanted(NO_SERVER), place, progress=Progress(note=notes.append))
    assert notes == ["process 77 is fetching model; waiting for it"]
    assert pauses == [0.1] * 3


@pytest.mark.parametrize(
    ("text", "holder"), [(" process 77", "process 77"), ("", "another process")]
)
def test_another_process_takes_too_long(place: Path, text: str, holder: str) -> None:
    """The message names it, if it has a name."""
    lock = held(place, text)
    try:
        with pytest.raises(DownloadError) as caught:
            fetch(wanted(NO_SERVER), place, limits=Limits(lock=0.0))
    finally:
        os.close(lock)
    assert str(caught.value) == f"{holder} has been fetching model for 0 s: {lock_of(place)}."


@pytest.mark.skipif(sys.platform == "win32", reason="its folders have locks")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_folder_without_locks(place: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The file is fetched, with a warning; other errors of locks are errors."""
    notes: list[str] = []

    def no_lock(*_: object) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr("fcntl.flock", no_lock)
    with FaultyServer(good) as server:
        assert fetch(wanted(server.url()), place, progress=Progress(note=notes.append))
        (note,) = notes
        assert re.fullmatch(r".*/folder has no file locks: do not fetch model twice at .*", note)
        place.unlink()
        number = errno.EIO
        assert failure(wanted(server.url()), place).endswith(": no locks.")
