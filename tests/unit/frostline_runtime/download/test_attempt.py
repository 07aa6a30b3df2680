"""One attempt to download a file from a real server: its bytes, its notes and its errors."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from faulty_http import ETAG, Behaviour, Exchange, FaultyServer

from frostline_runtime.download import transfer as module
from frostline_runtime.download.parts import part_of, sidecar_of
from frostline_runtime.download.transfer import (
    MARGIN,
    DownloadError,
    LaterError,
    Progress,
    Wanted,
    WrongError,
    transfer,
)

BYTES = b"0123456789ab"
SIZE = len(BYTES)
SHA256 = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where the file is fetched to."""
    return tmp_path / "model"


def wanted(size: int = SIZE, sha256: str = SHA256) -> Wanted:
    """Return the file that the server has."""
    return Wanted(name="model", urls=(), size=size, sha256=sha256)


def good(exchange: Exchange) -> None:
    """Send the file, or the part of it that is asked for."""
    exchange.body(exchange.offer(content=BYTES))


def plain(body: bytes, **headers: object) -> Behaviour:
    """Answer with *body* and no other headers than these."""

    def behave(exchange: Exchange) -> None:
        exchange.head(200, **headers)
        exchange.body(body)

    return behave


def attempt(
    url: str, place: Path, file: Wanted | None = None, stall: float = 20.0
) -> tuple[str, list[tuple[int, int]]]:
    """Return the sha256 of the part after an attempt, and the progress."""
    updates: list[tuple[int, int]] = []
    progress = Progress(update=lambda *update: updates.append(update))
    return transfer(url, file or wanted(), place, progress, stall), updates


def begun(place: Path, url: str, kept: bytes, **notes: object) -> None:
    """Have a part of an earlier attempt, and its notes."""
    part_of(place).write_bytes(kept)
    facts = {"url": url, "sha256": SHA256, "etag": ETAG, "total": SIZE, **notes}
    sidecar_of(place).write_text(json.dumps(facts), encoding="utf-8")


def notes(place: Path) -> Mapping[str, object]:
    """Return what is noted about the part."""
    found: dict[str, object] = json.loads(sidecar_of(place).read_text(encoding="utf-8"))
    return found


def test_a_whole_file(place: Path) -> None:
    """The part has its bytes, the notes say where they are from; it is no program."""
    with FaultyServer(good) as server:
        url = server.url()
        digest, updates = attempt(url, place)
    assert digest == SHA256
    assert updates[0] == (0, SIZE)
    assert updates[-1] == (SIZE, SIZE)
    assert len(updates) > 1
    assert part_of(place).read_bytes() == BYTES
    assert not part_of(place).stat().st_mode & 0o111
    assert notes(place) == {"url": url, "sha256": SHA256, "etag": ETAG, "total": SIZE}
    assert {path.name for path in place.parent.iterdir()} == {"model.part", "model.part.json"}
    assert server.exchanges[0].headers.keys().isdisjoint({"range", "if-range"})


def test_the_rest_of_a_file(place: Path) -> None:
    """It is appended to what is kept, and the hash is that of the whole."""
    with FaultyServer(good) as server:
        begun(place, server.url(), BYTES[:5])
        digest, updates = attempt(server.url(), place)
    assert (digest, updates[0], updates[-1]) == (SHA256, (5, SIZE), (SIZE, SIZE))
    assert part_of(place).read_bytes() == BYTES
    (request,) = server.exchanges
    assert (request.headers["range"], request.headers["if-range"]) == ("bytes=5-", ETAG)


@pytest.mark.parametrize("length", [{}, {"Content_Length": SIZE}])
@pytest.mark.parametrize("size", [0, SIZE])
def test_sizes_that_are_not_known(place: Path, size: int, length: dict[str, int]) -> None:
    """The profile need not know the size, and the server need not send it."""
    with FaultyServer(plain(BYTES, **length)) as server:
        digest, updates = attempt(server.url(), place, wanted(size))
    assert (digest, updates[-1]) == (SHA256, (SIZE, size or length.get("Content_Length", 0)))


def test_a_part_that_is_complete(place: Path) -> None:
    """It is not asked for again; without a sha256 nobody knows whether it is right, so it is."""
    with FaultyServer(good) as server:
        begun(place, "elsewhere", BYTES)
        assert attempt(server.url(), place) == (SHA256, [])
        assert server.exchanges == []
        part_of(place).write_bytes(bytes(SIZE))
        assert attempt(server.url(), place, wanted(sha256=""))[0] == SHA256
        assert len(server.exchanges) == 1


def test_a_part_that_is_too_long(place: Path) -> None:
    """If the server has no bytes after those that are kept, the part is thrown away."""
    with FaultyServer(lambda exchange: exchange.head(416, Content_Length=0)) as server:
        with pytest.raises(WrongError, match=r"^it answered 416: not expected$"):
            attempt(server.url(), place)
        begun(place, server.url(), BYTES + b"c")
        with pytest.raises(LaterError, match="shorter than the part") as caught:
            attempt(server.url(), place)
    assert caught.value.wait == 0
    assert not part_of(place).exists()


def test_another_size(place: Path) -> None:
    """A file of another size is not fetched; the message says what it is."""
    with (
        FaultyServer(plain(b"<html>", Content_Length=6)) as server,
        pytest.raises(WrongError, match=r"^it has 6 bytes, expected 12; it is a web page"),
    ):
        attempt(server.url(), place)
    assert not part_of(place).exists()


def test_no_room(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for which there is no room is neither fetched nor copied."""
    free = SimpleNamespace(free=MARGIN + SIZE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    source = place.with_name("source")
    source.write_bytes(BYTES)
    with FaultyServer(good) as server:
        for url in (server.url(), str(source)):
            with pytest.raises(DownloadError, match="model needs 12 bytes"):
                attempt(url, place)
    assert not part_of(place).exists()


def test_old_bytes_have_no_new_notes(place: Path) -> None:
    """What is kept of another version goes before the notes tell of the new one."""
    with FaultyServer(good) as server:
        begun(place, server.url(), b"old", etag='"old"')
        place.with_name("model.part.json.new").mkdir()
        with pytest.raises(OSError, match=r"model\.part\.json\.new"):
            attempt(server.url(), place)
    assert not part_of(place).exists()
    assert notes(place)["etag"] == '"old"'


@pytest.mark.parametrize(
    ("behave", "size", "error", "message"),
    [
        (plain(BYTES[:3], Content_Length=SIZE), 0, LaterError, "it ended after 3 of 12 bytes"),
        (plain(BYTES[:3]), SIZE, LaterError, "it ended after 3 of 12 bytes"),
        (plain(BYTES + b"c"), SIZE, WrongError, "it sends more than 12 bytes"),
        (lambda x: x.connection.sendall(b"hello\n you\r\n\r\n"), 0, LaterError, "hello"),
        (lambda x: x.connection.sendall(b"\r\n\r\n"), 0, LaterError, "BadStatusLine"),
    ],
)
def test_bad_answers(
    place: Path, behave: Behaviour, size: int, error: type[Exception], message: str
) -> None:
    """Another attempt may succeed, unless the file is another one."""
    with FaultyServer(behave) as server, pytest.raises(error) as caught:
        attempt(server.url(), place, wanted(size))
    assert str(caught.value) == message
    assert getattr(caught.value, "wait", None) is None


def test_no_answer(place: Path) -> None:
    """The message gives the time limit."""
    with FaultyServer(Exchange.wait_for_client) as server, pytest.raises(LaterError) as caught:
        attempt(server.url(), place, stall=0.05)
    assert str(caught.value) == "nothing has come for 0.05 s"


def test_no_server(place: Path) -> None:
    """The message is that of the system, without a number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LaterError) as caught:
        attempt(f"http://127.0.0.1:{port}/", place)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert str(caught.value) == caught.value.__cause__.strerror


def test_a_certificate_that_is_not_trusted(place: Path) -> None:
    """No other attempt will help."""
    authority = pytest.importorskip("trustme").CA()  # not on Intel Macs: no wheels
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with (
        FaultyServer(good, context) as server,
        pytest.raises(WrongError, match=r"^its certificate is not trusted: "),
    ):
        attempt(server.url(), place)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk(place: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Errors of the disk are no errors of the network, also if they name no file."""

    def full(*_: object) -> None:
        raise OSError(number, "the disk is full")

    monkeypatch.setattr(os, "ftruncate", full)
    with FaultyServer(good) as server, pytest.raises(OSError, match="the disk is full"):
        attempt(server.url(), place)


def test_written_back(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is told to write each stretch once; the file is closed at the end."""
    advised: list[tuple[int, int, int, int]] = []
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "_WRITE_BACK_EVERY", 8)
    monkeypatch.setattr(module, "_ADVISE", lambda *told: advised.append(told))
    with FaultyServer(good) as server:
        begun(place, server.url(), BYTES[:2])
        assert attempt(server.url(), place)[0] == SHA256
    ((descriptor, start, length, _),) = advised
    assert (start, length) == (2, 8)
    with contextlib.suppress(OSError):
        assert not os.path.samestat(os.fstat(descriptor), part_of(place).stat())


def test_files_on_this_machine(place: Path) -> None:
    """They are copied, whether named by a path or by an address."""
    source = place.with_name("the source")
    source.write_bytes(BYTES)
    for url in (str(source), source.as_uri()):
        part_of(place).unlink(missing_ok=True)
        assert attempt(url, place) == (SHA256, [(SIZE, SIZE)])
        assert part_of(place).read_bytes() == BYTES
    with pytest.raises(WrongError, match="there is no such file"):
        attempt(f"{source}s", place, wanted(0))


def test_words_of_a_later_error() -> None:
    """The time to wait is no part of the message."""
    assert str(LaterError("not now", 3.0)) == "not now"


# The hash


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """Return a file of some megabytes."""
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.truncate(8 * 1024 * 1024)
    return path


def test_the_hash_of_what_is_kept_and_what_comes(long_file: Path) -> None:
    """Only the bytes before the start are read; the end is waited for."""
    start = 8 * 1024 * 1024 - 5
    with module._Hasher(long_file, start) as hasher:
        hasher.put(b"abc")
        assert hasher.finish() == hashlib.sha256(bytes(start) + b"abc").hexdigest()
    assert not hasher._thread.is_alive()


def test_the_hash_of_a_file_that_was_cut(tmp_path: Path) -> None:
    """It is wrong, but it ends."""
    (tmp_path / "short").write_bytes(b"abc")
    with module._Hasher(tmp_path / "short", 5) as hasher:
        hasher.put(b"fg")
        assert hasher.finish() == hashlib.sha256(b"abcfg").hexdigest()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file without an end")
def test_a_hash_that_is_given_up() -> None:
    """The thread ends, however much is left to read."""
    with (
        contextlib.suppress(KeyError),
        module._Hasher(Path("/dev/zero"), 1 << 60) as hasher,
    ):
        raise KeyError
    assert not hasher._thread.is_alive()


def test_an_error_of_writing_names_the_file(tmp_path: Path) -> None:
    """The system does not name it."""
    path = tmp_path / "part"
    path.touch()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="place") as caught:
            module._write(descriptor, memoryview(b"x"), tmp_path / "place")
    finally:
        os.close(descriptor)
    assert caught.value.filename == str(tmp_path / "place")
