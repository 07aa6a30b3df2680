"""Downloads with faulty servers and disks: the file is complete and right, or not there (L2)."""

import sys

assert sys.platform == "linux"  # these faults can be injected there only

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faulty_http import CONTENT, ETAG, SHA256, Behaviour, Exchange, FaultyServer

from frostline_runtime.download.fetch import Limits, fetch, is_there
from frostline_runtime.download.parts import forget, kept
from frostline_runtime.download.transfer import CHUNK, DownloadError, Progress, Wanted

if TYPE_CHECKING:
    import trustme

pytestmark = pytest.mark.product("L2")
QUICK = Limits(stall=0.4, lock=0.3, attempts=3, pause=0.01)
SIZE = len(CONTENT)
HTML = b"<!DOCTYPE html><title>Please log in</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"


def wanted(*urls: str, size: int = SIZE, sha256: str = SHA256) -> Wanted:
    """Return the file that the server has."""
    return Wanted(name="model.gguf", urls=urls, size=size, sha256=sha256)


# Faults after which the file is there.


def at_first(fault: Behaviour, times: int = 1) -> Behaviour:
    """Return a server that is good after *times* requests."""

    def behave(exchange: Exchange) -> None:
        if exchange.number <= times:
            fault(exchange)
        else:
            exchange.good()

    return behave


def cut(tenth: int) -> Behaviour:
    """End the connection after so many tenths of the body."""
    return at_first(lambda exchange: exchange.body(exchange.offer()[: SIZE * tenth // 10]))


def reset_in_body(exchange: Exchange) -> None:
    """Reset the connection in the middle of the body."""
    exchange.body(exchange.offer()[: SIZE // 2])
    exchange.reset()


def stall(exchange: Exchange) -> None:
    """Send nothing more in the middle of the body."""
    exchange.body(exchange.offer()[: SIZE // 2])
    exchange.wait_for_client()


def reset_in_head(exchange: Exchange) -> None:
    """Reset the connection before the header is complete."""
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.reset()


def drip_head(exchange: Exchange) -> None:
    """Send a header so slowly that it never ends, but each byte comes in time."""
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X" * 10_000:
        exchange.connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_body(exchange: Exchange) -> None:
    """Send a good body in small pieces, in all longer than a stall may last."""
    body, step = exchange.offer(), SIZE // 20
    for at in range(0, SIZE, step):
        exchange.body(body[at : at + step])
        time.sleep(0.03)


def chunked(*, complete: bool) -> Behaviour:
    """Send chunks without a length, perhaps without the last ones."""

    def behave(exchange: Exchange) -> None:
        exchange.head(200, Transfer_Encoding="chunked", ETag=ETAG)
        body = CONTENT if complete else CONTENT[: SIZE // 2]
        for at in range(0, len(body), 500_000):
            piece = body[at : at + 500_000]
            exchange.body(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if complete:
            exchange.body(b"0\r\n\r\n")

    return behave


def no_length(exchange: Exchange) -> None:
    """Send no length, and close the connection after one half of the body."""
    exchange.head(200)
    exchange.body(CONTENT if exchange.number > 1 else CONTENT[: SIZE // 2])


def weak_etag(exchange: Exchange) -> None:
    """Send a weak ETag, which does not promise the same bytes."""
    exchange.head(200, Content_Length=SIZE, ETag=f"W/{ETAG}")
    exchange.body(CONTENT if exchange.number > 1 else CONTENT[: SIZE // 2])


def changing_etag(exchange: Exchange) -> None:
    """Send another version at each request; the first is cut."""
    body = exchange.offer(etag=f'"{exchange.number}"')
    exchange.body(body[: SIZE // 2] if exchange.number == 1 else body)


def no_ranges(exchange: Exchange) -> None:
    """Answer 200 to a request for a range; the first is cut."""
    exchange.head(200, Content_Length=SIZE, ETag=ETAG)
    exchange.body(CONTENT if exchange.number > 1 else CONTENT[: SIZE // 2])


def bad_range(span: str) -> Behaviour:
    """Answer a request for a range with another one."""

    def behave(exchange: Exchange) -> None:
        if exchange.number == 1:
            exchange.body(exchange.offer()[: SIZE // 2])
        elif exchange.number == 2:
            exchange.head(206, Content_Length=100, Content_Range=span, ETag=ETAG)
            exchange.body(b"x" * 100)
        else:
            exchange.good()

    return behave


def refuse_range(exchange: Exchange) -> None:
    """Answer 416 to a good request for a range."""
    if exchange.start:
        exchange.head(416, Content_Length=0)
    else:
        exchange.body(exchange.offer()[: SIZE if exchange.number > 2 else SIZE // 2])


def status(number: int, **headers: object) -> Behaviour:
    """Answer with *number* and no file."""
    return lambda exchange: exchange.head(number, Content_Length=0, **headers)


def wrong_bytes(exchange: Exchange) -> None:
    """Send wrong bytes of the right length."""
    exchange.head(200, Content_Length=SIZE, ETag=ETAG)
    exchange.body(bytes(SIZE))


def longer_than_said(exchange: Exchange) -> None:
    """Send more bytes than the header has announced."""
    exchange.head(200, Content_Length=SIZE, ETag=ETAG)
    exchange.body(CONTENT + b"more")


def moved_here(exchange: Exchange) -> None:
    """Redirect to another path of the same host."""
    if exchange.path == "/there":
        exchange.good()
    else:
        exchange.head(302, Location="/there", Content_Length=0)


def moved_to(place: str) -> Behaviour:
    """Redirect to *place*."""

    def behave(exchange: Exchange) -> None:
        if exchange.number > 1:
            assert exchange.path == "/there?name=a%20b%C3%BC&x=%20"
            exchange.good()
        else:
            exchange.connection.sendall(
                f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
            )

    return behave


RECOVERED: dict[str, Behaviour] = {
    **{f"cut after {tenth * 10} %": cut(tenth) for tenth in range(10)},
    "reset in the body": at_first(reset_in_body),
    "reset in the head": at_first(reset_in_head),
    "closed before the head": at_first(lambda exchange: exchange.connection.close()),
    "stall in the body": at_first(stall),
    "stall before the head": at_first(Exchange.wait_for_client),
    "head byte by byte": at_first(drip_head),
    "slow drip": drip_body,
    "chunked without a length": chunked(complete=True),
    "chunks that end early": at_first(chunked(complete=False)),
    "no length, cut": no_length,
    "weak ETag": weak_etag,
    "changing ETag": changing_etag,
    "200 for a range": no_ranges,
    "range that starts elsewhere": bad_range(f"bytes 0-99/{SIZE}"),
    "range without numbers": bad_range("bytes */*"),
    "416 for a good range": refuse_range,
    "408": at_first(status(408)),
    "429 with Retry-After": at_first(status(429, Retry_After="0")),
    "500": at_first(status(500)),
    "502 twice": at_first(status(502), 2),
    "503 with Retry-After": at_first(status(503, Retry_After="0")),
    "504": at_first(status(504)),
    "wrong bytes of the right length": at_first(wrong_bytes),
    "longer than said": longer_than_said,
    "redirect": moved_here,
    "redirect with strange letters": moved_to("/there?name=a b\u00fc&x=%20"),
}


@pytest.mark.parametrize("name", RECOVERED)
def test_it_arrives_despite(name: str, tmp_path: Path) -> None:
    """After each kind of fault the file is complete, and nothing else is left in its folder."""
    place = tmp_path / "model.gguf"
    with FaultyServer(RECOVERED[name]) as server:
        assert fetch(wanted(server.url()), place, limits=QUICK)
    assert place.read_bytes() == CONTENT
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"model.gguf", ".model.gguf.lock", ".model.gguf.verified"}


RESUMED = [name for name in RECOVERED if name.startswith(("cut", "stall in"))]


@pytest.mark.parametrize("name", RESUMED)
def test_nothing_is_fetched_twice(name: str, tmp_path: Path) -> None:
    """The second request resumes where the first has ended, except for one chunk."""
    with FaultyServer(RECOVERED[name]) as server:
        fetch(wanted(server.url()), tmp_path / "model.gguf", limits=QUICK)
        asked = [exchange.start for exchange in server.exchanges]
        again = server.exchanges[1].headers
    assert len(asked) == 2
    assert again.get("if-range") == (ETAG if asked[1] else None)
    assert server.sent <= SIZE + CHUNK
    assert server.exchanges[0].sent - asked[1] <= CHUNK


# Faults after which the file is not there, and the message says why.


def loop(exchange: Exchange) -> None:
    """Redirect for ever."""
    exchange.head(302, Location="/model.gguf", Content_Length=0)


def gzip(exchange: Exchange) -> None:
    """Compress the body although that was not asked for."""
    assert exchange.headers["accept-encoding"] == "identity"
    exchange.head(200, Content_Length=SIZE, Content_Encoding="gzip", ETag=ETAG)
    exchange.body(CONTENT)


def instead(data: bytes) -> Behaviour:
    """Send *data* instead of the file."""

    def behave(exchange: Exchange) -> None:
        exchange.head(200, Content_Length=len(data))
        exchange.body(data)

    return behave


def grown(exchange: Exchange) -> None:
    """Have a longer file at the next request."""
    if exchange.number == 1:
        exchange.body(exchange.offer()[: SIZE // 2])
    else:
        exchange.body(exchange.offer('"two"', CONTENT + b"more"))


def shrunk(exchange: Exchange) -> None:
    """Have a shorter file at the next request."""
    if exchange.number == 1:
        exchange.body(exchange.offer()[: SIZE // 2])
    else:
        exchange.body(exchange.offer('"two"', CONTENT[:1000]))


REFUSED: dict[str, tuple[Behaviour, str]] = {
    "401": (status(401), "it answered 401: it wants a login"),
    "403": (status(403), "it answered 403: access is denied"),
    "404": (status(404), "it answered 404: it has no such file"),
    "410": (status(410), "it answered 410: it is gone"),
    "418": (status(418), "it answered 418: not expected"),
    "204": (status(204), "it answered 204: not expected"),
    "503 for ever": (status(503, Retry_After="0"), r"it answered 503 \(3 attempts\)"),
    "redirects for ever": (loop, "it redirects more than 10 times"),
    "redirect to a file": (status(302, Location="file:///etc/passwd"), "file is not an address"),
    "redirect to nowhere": (
        status(302, Location="ftp://a/b"),
        "ftp is not an address that can be fetched",
    ),
    "redirect to a broken address": (
        status(302, Location="http://[::1/a"),
        "not an address that can",
    ),
    "gzip": (gzip, "it sends the file compressed"),
    "not http": (lambda x: x.connection.sendall(b"hello\r\n\r\n"), r"hello \(3 attempts\)"),
    "content length too small": (instead(CONTENT[:-1]), f"it has {SIZE - 1} bytes, expected"),
    "content length too large": (instead(CONTENT + b"x"), f"it has {SIZE + 1} bytes, expected"),
    "a login page": (instead(HTML), "a web page, perhaps a login or an error"),
    "an LFS pointer": (instead(POINTER), "a Git LFS pointer"),
    "a JSON error": (instead(b'{"error": "gated"}'), 'JSON, perhaps an error: {"error": "gated"}'),
    "wrong bytes for ever": (wrong_bytes, r"sha256 is [0-9a-f]{64}, expected .*nothing but zeros"),
    "a range of another file": (
        bad_range(f"bytes {SIZE // 2}-{SIZE // 2 + 99}/{SIZE + 1}"),
        f"it has {SIZE + 1} bytes, expected",
    ),
    "grown": (grown, f"it has {SIZE + 4} bytes, expected {SIZE}"),
    "shrunk": (shrunk, f"it has 1000 bytes, expected {SIZE}"),
    "stalls for ever": (Exchange.wait_for_client, r"nothing has come for 0.4 s \(3 attempts\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_message_says_why(name: str, tmp_path: Path) -> None:
    """The error names file, host and reason; there is no file under the final name."""
    behave, reason = REFUSED[name]
    place = tmp_path / "model.gguf"
    with FaultyServer(behave) as server:
        url = server.url()
        with pytest.raises(DownloadError, match=reason) as caught:
            fetch(wanted(url), place, limits=QUICK)
    assert not place.exists()
    begin = f"model.gguf could not be fetched: {url}: "
    assert str(caught.value).startswith(begin)


def test_a_wrong_file_is_kept_for_inspection(tmp_path: Path) -> None:
    """A wrong file never has the final name, and is removed after a good download."""
    place, bad = tmp_path / "model.gguf", tmp_path / "model.gguf.bad"
    with FaultyServer(wrong_bytes) as server, pytest.raises(DownloadError, match=r"gguf\.bad"):
        fetch(wanted(server.url()), place, limits=QUICK)
    assert bad.read_bytes() == bytes(SIZE)
    with FaultyServer(Exchange.good) as server:
        fetch(wanted(server.url()), place, limits=QUICK)
    assert not bad.exists()


def test_mirrors_in_their_order(tmp_path: Path) -> None:
    """The first mirror that has the file is taken; otherwise the message lists all."""
    place = tmp_path / "model.gguf"
    with ExitStack() as stack:
        gone = stack.enter_context(FaultyServer(status(404)))
        broken = stack.enter_context(FaultyServer(status(500)))
        good = stack.enter_context(FaultyServer(Exchange.good))
        with pytest.raises(DownloadError, match=r"404.*; .*500 \(3 attempts\)"):
            fetch(wanted(gone.url(), broken.url()), place, limits=QUICK)
        assert fetch(wanted(gone.url(), good.url(), broken.url()), place, limits=QUICK)
    assert place.read_bytes() == CONTENT
    assert len(broken.exchanges) == 3


def test_no_request_is_authorised(tmp_path: Path) -> None:
    """User and password in an address reach no host, neither the first nor a redirect's."""
    with ExitStack() as stack:
        other = stack.enter_context(FaultyServer(Exchange.good))
        first = stack.enter_context(
            FaultyServer(lambda exchange: (
                exchange.head(302, Location="/again", Content_Length=0)
                if exchange.path != "/again"
                else exchange.head(307, Location=other.url(host="localhost"), Content_Length=0)
            ))
        )  # fmt: skip
        address = first.url().replace("//", "//user:password@")
        assert fetch(wanted(address), tmp_path / "m", limits=QUICK)
    assert [x.headers.get("authorization") for x in first.exchanges] == [None] * 2
    assert [x.headers.get("authorization") for x in other.exchanges] == [None]


# TLS


@pytest.fixture(scope="module")
def authority() -> "trustme.CA":
    """Return a certificate authority that no system trusts."""
    made: trustme.CA = pytest.importorskip("trustme").CA()  # not on Intel Macs: no wheels
    return made


@pytest.fixture
def secure(authority: "trustme.CA") -> Iterator[FaultyServer]:
    """Serve the file over https."""
    import ssl  # noqa: PLC0415  # for this test only

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FaultyServer(Exchange.good, context) as server:
        yield server


def test_an_unknown_certificate_is_refused(secure: FaultyServer, tmp_path: Path) -> None:
    """An unknown certificate ends the download without another attempt; the message says so."""
    with pytest.raises(DownloadError, match="its certificate is not trusted: "):
        fetch(wanted(secure.url()), tmp_path / "m", limits=QUICK)
    assert secure.exchanges == []


def test_a_known_certificate(
    secure: FaultyServer, authority: "trustme.CA", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE is used, and the certificate must have the name of the host."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    fetch(wanted(secure.url()), tmp_path / "m", limits=QUICK)
    with pytest.raises(DownloadError, match="certificate is not trusted: Hostname mismatch"):
        fetch(wanted(secure.url(host="localhost")), tmp_path / "n", limits=QUICK)
    secure.behave = status(302, Location="http://127.0.0.1/m")
    with pytest.raises(DownloadError, match="redirects from https to another scheme"):
        fetch(wanted(secure.url()), tmp_path / "n", limits=QUICK)


def test_no_tls_where_it_is_expected(tmp_path: Path) -> None:
    """A server without TLS is tried again, then reported."""
    with FaultyServer(Exchange.good) as server:
        address = f"https://127.0.0.1:{server.port}/m"
        with pytest.raises(DownloadError, match="3 attempts"):
            fetch(wanted(address), tmp_path / "m", limits=QUICK)


def test_a_refused_connection(tmp_path: Path) -> None:
    """A refused connection is tried again, then reported."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}/m"
    with pytest.raises(DownloadError, match=r"refused \(3 attempts\)"):
        fetch(wanted(address), tmp_path / "m", limits=QUICK)


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system with the given options."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        argv = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode:
            pytest.skip("no right to mount a file system")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_no_room(small_disk: Callable[[str], Path]) -> None:
    """Missing disk space is reported before the download, with the bytes needed and free."""
    place = small_disk("size=1m") / "model.gguf"
    with (
        FaultyServer(Exchange.good) as server,
        pytest.raises(DownloadError, match=f"needs {SIZE} bytes in .*, and [0-9]+ are free: make"),
    ):
        fetch(wanted(server.url()), place, limits=QUICK)
    assert not list(place.parent.glob("model.gguf*"))


def test_a_disk_that_fills_up(small_disk: Callable[[str], Path]) -> None:
    """If the size is unknown and the disk fills up, the message names it and the part is kept."""
    place = small_disk("size=1m") / "model.gguf"
    with (
        FaultyServer(chunked(complete=True)) as server,
        pytest.raises(DownloadError, match=r"cannot be written to .*No space left on device"),
    ):
        fetch(wanted(server.url(), size=0), place, limits=QUICK)
    assert not place.exists()


def test_a_folder_that_cannot_be_written(small_disk: Callable[[str], Path]) -> None:
    """A read-only folder gives one clear message, and no request is sent."""
    folder = small_disk("ro,size=1m")
    with (
        FaultyServer(Exchange.good) as server,
        pytest.raises(DownloadError, match=r"cannot be written to .*Read-only file system"),
    ):
        fetch(wanted(server.url()), folder / "model.gguf", limits=QUICK)
    assert server.exchanges == []


# Killed processes

WORKER = """
import json, sys
from pathlib import Path
from frostline_runtime.download.fetch import Limits, fetch
from frostline_runtime.download.transfer import Wanted
made = json.loads(sys.argv[1])
fetch(Wanted(name="m", urls=(made["url"],), size=made["size"], sha256=made["sha256"]),
      Path(made["place"]), limits=Limits(stall=5, lock=20, attempts=5, pause=0.01))
"""


def worker(server: FaultyServer, place: Path) -> subprocess.Popen[bytes]:
    """Start a process that fetches the file."""
    made = {"url": server.url(), "size": SIZE, "sha256": SHA256, "place": str(place)}
    source = str(Path(__file__).resolve().parents[2] / "src")
    return subprocess.Popen(
        [sys.executable, "-S", "-c", WORKER, json.dumps(made)],
        env={"PYTHONPATH": source, "PATH": os.environ["PATH"]},
    )


def test_killed_at_random_points_and_resumed(tmp_path: Path) -> None:
    """Killed 200 times: never a wrong file under its name, and no byte is fetched twice.

    Every other time it is killed while bytes are on their way to it.
    """
    chance, place = random.Random(200), tmp_path / "model.gguf"
    reached = threading.Event()
    limit = [0]

    def behave(exchange: Exchange) -> None:
        body = exchange.offer()
        for at in range(0, len(body), 65_536):
            if exchange.start + at >= limit[0]:
                reached.set()
                exchange.wait_for_client()
                return
            exchange.body(body[at : at + 65_536])

    kills, twice = 0, list[int]()
    with FaultyServer(behave) as server:
        while kills < 200:
            forget(place)
            server.exchanges.clear()
            for point in sorted(chance.randrange(SIZE) for _ in range(20)):
                limit[0] = point
                reached.clear()
                process = worker(server, place)
                assert reached.wait(20)
                last = server.exchanges[-1]
                while kills % 2 and kept(place) < last.start + last.sent:
                    time.sleep(0.001)
                process.send_signal(signal.SIGKILL)
                process.wait(20)
                assert not place.exists()
                if kills % 2:
                    twice.append(last.start + last.sent - kept(place))
                kills += 1
            starts = [exchange.start for exchange in server.exchanges]
            assert starts == sorted(starts)
            limit[0] = SIZE + 1
            process = worker(server, place)
            assert process.wait(20) == 0
            assert server.exchanges[-1].start > 0
            assert place.read_bytes() == CONTENT
    assert set(twice) == {0}


def test_killed_before_the_rename(tmp_path: Path) -> None:
    """After a kill before the rename, the complete part is checked and no request is sent."""
    place = tmp_path / "model.gguf"
    place.with_name("model.gguf.part").write_bytes(CONTENT)
    with FaultyServer(Exchange.good) as server:
        assert fetch(wanted(server.url()), place, limits=QUICK)
    assert server.exchanges == []
    assert place.read_bytes() == CONTENT


def test_two_at_once_fetch_once(tmp_path: Path) -> None:
    """The second process waits for the first and finds the file."""
    place = tmp_path / "model.gguf"
    with FaultyServer(drip_body) as server:
        both = [worker(server, place) for _ in range(2)]
        assert [process.wait(30) for process in both] == [0, 0]
        assert len(server.exchanges) == 1
    assert place.read_bytes() == CONTENT


def test_the_holder_of_a_lock_is_named(tmp_path: Path) -> None:
    """A process that has waited too long names the one that holds the lock."""
    place, notes = tmp_path / "model.gguf", list[str]()
    began = threading.Event()

    def behave(exchange: Exchange) -> None:
        began.set()
        exchange.wait_for_client()

    with FaultyServer(behave) as server:
        process = worker(server, place)
        assert began.wait(20)
        with pytest.raises(DownloadError, match=f"process {process.pid} has been fetching"):
            fetch(wanted(server.url()), place, progress=Progress(note=notes.append), limits=QUICK)
        process.kill()
        process.wait(20)
    assert notes == [f"process {process.pid} is fetching model.gguf; waiting for it"]


# Without a server


def test_from_a_path_or_a_file_address(tmp_path: Path) -> None:
    """A local file is copied and checked like any other."""
    source = tmp_path / "a file ü"
    source.write_bytes(CONTENT)
    for number, url in enumerate((str(source), source.as_uri())):
        place = tmp_path / f"copy{number}"
        assert fetch(wanted(url), place)
        assert place.read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="there is no such file"):
        fetch(wanted(str(tmp_path / "nothing")), tmp_path / "copy3")


def test_offline_says_what_is_missing(tmp_path: Path) -> None:
    """Offline, a missing file is an error that names it, and no request is sent."""
    with (
        FaultyServer(Exchange.good) as server,
        pytest.raises(DownloadError, match=r"model\.gguf is missing \(.*\) and nothing may be"),
    ):
        fetch(wanted(server.url()), tmp_path / "model.gguf", offline=True)
    assert server.exchanges == []


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    """A good file causes no request; a changed one is noticed and replaced."""
    place = tmp_path / "model.gguf"
    with FaultyServer(Exchange.good) as server:
        thing = wanted(server.url())
        assert fetch(thing, place, limits=QUICK)
        assert not fetch(thing, place, limits=QUICK)
        place.write_bytes(b"x" * SIZE)
        assert not is_there(thing, place)
        assert fetch(thing, place, limits=QUICK)
        assert len(server.exchanges) == 2
    status = place.stat()
    place.write_bytes(b"y" * SIZE)
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert is_there(thing, place)  # the stamp does not tell
    assert not is_there(thing, place, whole=True)


def test_a_damaged_note_about_a_part(tmp_path: Path) -> None:
    """If `.part.json` is damaged, the part is fetched again; nothing else happens."""
    place = tmp_path / "model.gguf"
    for note in ("no json", "[]", json.dumps({"url": "x", "etag": 5, "total": "many"})):
        place.with_name("model.gguf.part").write_bytes(b"x" * 100)
        place.with_name("model.gguf.part.json").write_text(note, encoding="utf-8")
        with FaultyServer(Exchange.good) as server:
            assert fetch(wanted(server.url()), place, limits=QUICK)
        assert place.read_bytes() == CONTENT
        forget(place)


def test_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy gets the whole address; hosts in NO_PROXY are asked directly."""
    for name in ("http_proxy", "no_proxy", "HTTP_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with FaultyServer(Exchange.good) as proxy, FaultyServer(Exchange.good) as direct:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{proxy.port}")
        fetch(wanted("http://files.example/model.gguf"), tmp_path / "a", limits=QUICK)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        fetch(wanted(direct.url()), tmp_path / "b", limits=QUICK)
    assert [exchange.path for exchange in proxy.exchanges] == ["http://files.example/model.gguf"]
    headers: Mapping[str, str] = proxy.exchanges[0].headers
    assert headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"
    assert headers["host"] == "files.example"
    assert len(direct.exchanges) == 1


def test_progress_of_a_resumed_download(tmp_path: Path) -> None:
    """The progress of a resumed download only grows, up to the whole file."""
    seen: list[tuple[int, int]] = []
    with FaultyServer(cut(5)) as server:
        progress = Progress(update=lambda done, total: seen.append((done, total)))
        fetch(wanted(server.url()), tmp_path / "m", limits=QUICK, progress=progress)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[0] == (0, SIZE)
    assert seen[-1] == (SIZE, SIZE)
