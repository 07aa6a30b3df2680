"""A file server on a real socket that misbehaves on request."""

import contextlib
import hashlib
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

CONTENT = random.Random(4).randbytes(3 * 1024 * 1024 + 12_345)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ETAG = '"one"'


@dataclass(slots=True)
class Exchange:
    """One request and its connection; *number* counts requests from 1."""

    connection: socket.socket
    number: int
    path: str
    headers: Mapping[str, str]
    method: str = "GET"
    sent: int = 0

    @property
    def start(self) -> int:
        """Return the first byte of the requested range."""
        unit, _, span = self.headers.get("range", "").partition("=")
        return int(span.removesuffix("-")) if unit == "bytes" else 0

    def head(self, status: int, **headers: object) -> None:
        """Send a header; underscores in names become hyphens."""
        lines = [f"HTTP/1.1 {status} Whatever", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())

    def body(self, data: bytes) -> None:
        """Send a piece of a body."""
        self.connection.sendall(data)
        self.sent += len(data)

    def offer(self, etag: str = ETAG, content: bytes = CONTENT) -> bytes:
        """Send a good header for the request, and return the body that belongs to it."""
        start = self.start
        if start and self.headers.get("if-range") == etag:
            if start >= len(content):
                self.head(416, Content_Range=f"bytes */{len(content)}")
                return b""
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.head(206, Content_Length=len(content) - start, Content_Range=span, ETag=etag)
            return content[start:]
        self.head(200, Content_Length=len(content), ETag=etag)
        return content

    def good(self) -> None:
        """Answer without a fault."""
        self.body(self.offer())

    def reset(self) -> None:
        """Reset the connection, as a crashed machine does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def wait_for_client(self) -> None:
        """Send nothing more until the client gives up."""
        with contextlib.suppress(OSError):
            while self.connection.recv(1024):
                pass


Behaviour = Callable[[Exchange], None]


@dataclass(slots=True)
class FaultyServer:
    """Answers every request with *behave*, over TLS with *tls*."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # only Linux knows this of a listening socket
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    @property
    def port(self) -> int:
        """Return the port of the server."""
        number: int = self.listener.getsockname()[1]
        return number

    def url(self, path: str = "/model.gguf", host: str = "127.0.0.1") -> str:
        """Return the address of *path*."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    @property
    def sent(self) -> int:
        """Return how many bytes of bodies were sent."""
        return sum(exchange.sent for exchange in self.exchanges)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            secure = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with secure:
                data = b""
                while b"\r\n\r\n" not in data:
                    piece = secure.recv(65536)
                    if not piece:
                        return
                    data += piece
                first, *lines = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
                pairs = (line.partition(": ") for line in lines)
                headers = {name.lower(): value for name, _, value in pairs}
                number = len(self.exchanges) + 1
                method, path, _ = first.split()
                exchange = Exchange(secure, number, path, headers, method)
                self.exchanges.append(exchange)
                self.behave(exchange)
