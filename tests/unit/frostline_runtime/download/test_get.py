"""Requests of a download to real servers and proxies: what is sent, and what comes back."""

import base64
import contextlib
import http.client
import os
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from faulty_http import Exchange, FaultyServer

from frostline_runtime.download import http_get
from frostline_runtime.download.http_get import RefusedError, get

if TYPE_CHECKING:
    import trustme

BASIC = f"Basic {base64.b64encode(b'me:pass').decode()}"


@pytest.fixture(scope="module")
def authority() -> "trustme.CA":
    """Return a certificate authority that no system trusts."""
    made: trustme.CA = pytest.importorskip("trustme").CA()  # not on Intel Macs: no wheels
    return made


@pytest.fixture
def tls(authority: "trustme.CA", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return the TLS of a server whose certificate is trusted."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "a.example").configure_cert(context)
    return context


def hello(exchange: Exchange) -> None:
    """Answer with a short body."""
    exchange.head(200, Content_Length=5, X_Kind="Test")
    exchange.body(b"hello")


def asked(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return the status and the body of *url*."""
    with get(url, headers or {}, timeout=20.0) as response:
        return response.status, response.read(100)


def test_what_is_asked() -> None:
    """A request names the program, wants the bytes as they are, and has the given headers."""
    with FaultyServer(hello) as server:
        port = server.port
        with get(server.url("/a"), {"Range": "x"}, timeout=20.0) as found:
            assert (found.status, found.headers["x-kind"]) == (200, "Test")
            assert [found.read(3) for _ in range(3)] == [b"hel", b"lo", b""]
    (request,) = server.exchanges
    assert (request.method, request.path) == ("GET", "/a")
    assert request.headers == {
        "host": f"127.0.0.1:{port}", "accept-encoding": "identity",
        "user-agent": "frostline", "range": "x",
    }  # fmt: skip


def test_a_body_that_is_not_read() -> None:
    """Its connection is closed at once, whether the server closes it or not."""
    open_end = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    for behave in (hello, lambda exchange: exchange.body(open_end)):
        with FaultyServer(behave) as server, get(server.url(), {}, timeout=20.0) as found:
            assert not found.body.isclosed()
        assert found.body.isclosed()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("", "/"), ("?q=1", "/?q=1"), ("/a?", "/a"), ("/a b/\u00fc%20", "/a%20b/%C3%BC%20"),
        ("/a?x=1 2&y=[?]|\u00fc", "/a?x=1%202&y=[?]|%C3%BC"),
    ],
)  # fmt: skip
def test_how_a_path_is_sent(written: str, sent: str) -> None:
    """Only letters that a request may not have are quoted; there is always a path."""
    with FaultyServer(hello) as server:
        assert asked(server.url(written)) == (200, b"hello")
    assert server.exchanges[0].path == sent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(status: int) -> None:
    """Each status that redirects leads to the new place; without a place it is the answer."""

    def behave(exchange: Exchange) -> None:
        if exchange.path == "/here":
            exchange.head(status, Location="/there", Content_Length=0)
        elif exchange.path == "/nowhere":
            exchange.head(status, Content_Length=0)
        else:
            hello(exchange)

    with FaultyServer(behave) as server:
        assert asked(server.url("/here")) == (200, b"hello")
        assert asked(server.url("/nowhere")) == (status, b"")
    assert [exchange.path for exchange in server.exchanges] == ["/here", "/there", "/nowhere"]


@pytest.mark.parametrize("status", [201, 300, 304, 309])
def test_a_place_that_is_no_redirect(status: int) -> None:
    """Other answers may name a place, too; they are not followed."""
    with FaultyServer(lambda x: x.head(status, Location="/there", Content_Length=0)) as server:
        assert asked(server.url()) == (status, b"")
    assert len(server.exchanges) == 1


def test_redirects_end() -> None:
    """The tenth redirect is the last one."""
    with (
        FaultyServer(lambda x: x.head(302, Location="/", Content_Length=0)) as server,
        pytest.raises(RefusedError, match="redirects more than 10 times"),
    ):
        asked(server.url())
    assert len(server.exchanges) == 10


def test_an_answer_that_breaks_off() -> None:
    """The error is that of the connection, not one of the time limit."""
    with (
        FaultyServer(lambda exchange: exchange.connection.close()) as server,
        pytest.raises(http.client.RemoteDisconnected),
    ):
        asked(server.url())


def test_a_header_that_does_not_end() -> None:
    """The whole header has a time limit, even if its pieces come all the time."""

    def behave(exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            while True:
                exchange.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with (
        FaultyServer(behave) as server,
        pytest.raises(TimeoutError),
        get(server.url(), {}, timeout=0.05),
    ):
        pass


def test_the_limit_of_the_header_does_not_reach_the_body() -> None:
    """It ends with the header, and does not keep a program from ending."""
    seen: list[threading.Timer] = []

    def behave(exchange: Exchange) -> None:
        seen.extend(found for found in threading.enumerate() if isinstance(found, threading.Timer))
        hello(exchange)

    with FaultyServer(behave) as server, get(server.url(), {}, timeout=20.0):
        assert [(timer.daemon, timer.finished.is_set()) for timer in seen] == [(True, True)]


def test_the_limit_of_a_piece() -> None:
    """A connection is made quickly or not at all; its pieces have the time that is given."""

    def behave(exchange: Exchange) -> None:
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        exchange.wait_for_client()

    with FaultyServer(behave) as server:
        assert http_get._connect(server.url(), 3.0).timeout == 3.0
        connection = http_get._connect(server.url(), 30.0)
        assert connection.timeout == http_get.CONNECT_TIMEOUT
        with contextlib.closing(connection):
            http_get._ask(connection, server.url(), {}, 30.0).close()
            assert connection.sock.gettimeout() == 30.0


def test_https(tls: ssl.SSLContext) -> None:
    """A trusted server is asked directly."""
    with FaultyServer(hello, tls) as server:
        assert asked(server.url("/a")) == (200, b"hello")
    assert server.exchanges[0].path == "/a"


def test_a_proxy_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the whole address, without its password, and the password of its own."""
    with FaultyServer(hello) as server:
        monkeypatch.setenv("http_proxy", server.url("").replace("//", "//me:pass@"))
        assert asked("http://user:secret@a.example:81/x?q=1") == (200, b"hello")
    (request,) = server.exchanges
    assert request.path == "http://a.example:81/x?q=1"
    assert request.headers["proxy-authorization"] == BASIC
    assert "authorization" not in request.headers


def test_a_proxy_for_https(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets host and port, and its password; what it passes on has neither."""
    inside: list[bytes] = []

    def behave(exchange: Exchange) -> None:
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with tls.wrap_socket(exchange.connection, server_side=True) as connection:
            inside.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    with FaultyServer(behave) as server:
        proxy = server.url("").replace("//", "//me:pass@")
        monkeypatch.setenv("https_proxy", proxy)
        assert asked("https://a.example/x") == (200, b"hello")
    (request,) = server.exchanges
    assert (request.method, request.path) == ("CONNECT", "a.example:443")
    assert request.headers["proxy-authorization"] == BASIC
    assert inside[0].startswith(b"GET /x HTTP/1.1\r\n")
    assert b"proxy-authorization" not in inside[0].lower()


def paths(monkeypatch: pytest.MonkeyPatch, cafile: str | None, capath: str | None) -> None:
    """Have OpenSSL know these places of certificates."""
    known = SimpleNamespace(cafile=cafile, capath=capath)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: known)


def test_where_certificates_may_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenSSL without certificates takes those of the Linux distributions."""
    asked_for: list[str] = []
    with monkeypatch.context() as patch:
        paths(patch, None, None)
        patch.setattr(os.path, "exists", lambda path: asked_for.append(str(path)))
        http_get._tls()
    assert asked_for == [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    ]  # fmt: skip


def test_the_first_certificates_count(
    authority: "trustme.CA", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read only if OpenSSL and the user name no others."""
    authority.cert_pem.write_to_path(str(tmp_path / "first"))
    (tmp_path / "second").write_text("not read")
    bundles = tuple(str(tmp_path / name) for name in ("missing", "first", "second"))
    monkeypatch.setattr(http_get, "_BUNDLES", bundles)
    added = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())

    def taken() -> bool:
        return added in http_get._tls().get_ca_certs(binary_form=True)

    paths(monkeypatch, None, None)
    assert taken()
    paths(monkeypatch, "/file", None)
    assert not taken()
    paths(monkeypatch, None, "/folder")
    assert not taken()
    paths(monkeypatch, None, None)
    (tmp_path / "own").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own"))
    assert not taken()
