"""HTTP GET for downloads: redirects, proxies and time limits; the body is not decoded.

Not urllib3: it would be frozen into every artifact, and its pools, retries and decoding are not
needed. Import it only to download: `http.client` and TLS are slow to import.
"""

import base64
import contextlib
import http.client
import os
import socket
import ssl
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CONNECT_TIMEOUT = 10.0
_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
# Certificates of Linux distributions; the OpenSSL in an artifact may look elsewhere.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class RefusedError(Exception):
    """A request that cannot succeed, now or later."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whose body is not read yet; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: http.client.HTTPResponse

    def read(self, most: int) -> bytes:
        """Return the next bytes, *most* at most, b"" at the end.

        Raises OSError (TimeoutError if nothing comes), http.client.HTTPException.
        """
        return self.body.read1(most)


@contextlib.contextmanager
def get(url: str, headers: Mapping[str, str], *, timeout: float) -> Iterator[Response]:
    """Yield the answer to a GET of *url* after redirects, with any status.

    *timeout* is in seconds, for the header and for each piece of the body. User and password in an
    address are not sent. Raises RefusedError, OSError, http.client.HTTPException.
    """
    for _ in range(_MOST_REDIRECTS):
        with (
            contextlib.closing(_connect(url, timeout)) as connection,
            # The connection forgets an answer after which the server closes it.
            contextlib.closing(_ask(connection, url, headers, timeout)) as response,
        ):
            location = response.getheader("Location", "")
            if response.status not in _REDIRECTS or not location:
                names = {name.lower(): value for name, value in response.getheaders()}
                yield Response(response.status, names, response)
                return
        url = _redirected(url, location)
    message = f"it redirects more than {_MOST_REDIRECTS} times"
    raise RefusedError(message)


def _redirected(url: str, location: str) -> str:
    """Return the address that *location* means at *url*. Raises RefusedError."""
    try:
        # Headers are read as Latin-1, but servers send UTF-8.
        target = urllib.parse.urljoin(url, location.encode("latin-1").decode("utf-8", "replace"))
    except ValueError:
        target = ""
    if _origin(url)[0] == "https" and _origin(target)[0] != "https":
        message = "it redirects from https to another scheme"
        raise RefusedError(message)
    return target


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port. Raises RefusedError."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), 0
    if not (parts.scheme in _PORTS and parts.hostname and port):
        message = f"{parts.scheme or 'it'} is not an address that can be fetched (http, https)"
        raise RefusedError(message)
    return parts.scheme, parts.hostname, port


def _connect(url: str, timeout: float) -> http.client.HTTPConnection:
    """Return a connection for *url*, through the proxy in the environment if there is one."""
    scheme, host, port = _origin(url)
    proxy = _proxy(scheme, host)
    wait = min(CONNECT_TIMEOUT, timeout)
    if scheme == "https":
        via = proxy or (host, port, {})
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            via[0], via[1], timeout=wait, context=_tls()
        )
        if proxy:
            connection.set_tunnel(host, port, proxy[2])
    else:
        via = proxy or (host, port, {})
        connection = http.client.HTTPConnection(via[0], via[1], timeout=wait)
    return connection


def _ask(
    connection: http.client.HTTPConnection, url: str, headers: Mapping[str, str], timeout: float
) -> http.client.HTTPResponse:
    """Send the request and return the answer; its header must come within *timeout*."""
    scheme, host, _ = _origin(url)
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]|")
    target = f"{path}?{query}" if query else path
    proxy = _proxy(scheme, host)
    extra: dict[str, str] = {}
    if proxy and scheme == "http":
        target, extra = f"http://{parts.netloc.rpartition('@')[2]}{target}", proxy[2]
    connection.connect()
    # The socket's limit is for each byte: the timer limits the whole header.
    late = threading.Event()
    timer = threading.Timer(timeout, _cut, (connection.sock, late))
    timer.daemon = True
    timer.start()
    try:
        connection.sock.settimeout(timeout)
        given = {"Accept-Encoding": "identity", "User-Agent": "frostline", **headers, **extra}
        connection.request("GET", target, headers=given)
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def _cut(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _proxy(scheme: str, host: str) -> tuple[str, int, dict[str, str]] | None:
    """Return host, port and headers of the proxy for *scheme* and *host*, None without one."""
    named = urllib.request.getproxies().get(scheme, "")
    if not named or urllib.request.proxy_bypass(host):
        return None
    parts = urllib.parse.urlsplit(named if "://" in named else f"http://{named}")
    headers = {}
    if parts.username:
        user = urllib.parse.unquote(parts.username)
        password = urllib.parse.unquote(parts.password or "")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {token}"
    return parts.hostname or "", parts.port or _PORTS["http"], headers


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    known = ssl.get_default_verify_paths()
    if not (known.cafile or known.capath) and not os.environ.get("SSL_CERT_FILE"):
        for bundle in _BUNDLES:
            if os.path.exists(bundle):  # noqa: PTH110  # a few names only
                context.load_verify_locations(bundle)
                break
    return context
