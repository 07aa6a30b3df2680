"""The HTTP server of the control port. Imported late: `http.server` costs a start 20 ms."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from frostline_runtime.auth import SHELL_ORIGINS, authorise
from frostline_runtime.control import Body, Keys, Subject, get, parse_query, post, problem

CONNECTIONS = 16
BODY_LIMIT = 1024 * 1024
_HEADER_SECONDS = 5.0
_HEADER_LIMIT = 8 * 1024
_OK, _NO_CONTENT = 200, 204
_PAGES = {
    "/": ("status.html", "text/html; charset=utf-8"),
    "/status.css": ("status.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/status.js": ("status.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


class Server(ThreadingHTTPServer):
    """Answers on a socket that is listening already, few clients at a time."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, subject: Subject, keys: Keys, pages: Path) -> None:
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.port: int = listener.getsockname()[1]
        self.subject = subject
        self.keys = keys
        self.pages = pages
        self._slots = threading.BoundedSemaphore(CONNECTIONS)

    def start(self) -> None:
        """Answer from a thread, until the socket is closed."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 3600}, name="control", daemon=True
        ).start()

    def process_request(self, request: object, client_address: object) -> None:
        """Answer in a thread, or close at once if too many are being answered."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]  # the base class's types
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Answer one client."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that goes away is no event."""


class Handler(BaseHTTPRequestHandler):
    """One request; HTTP/1.0, so that no idle client keeps a slot."""

    server: Server  # type: ignore[mutable-override]  # the only one that makes handlers
    timeout: ClassVar[float | None] = _HEADER_SECONDS
    server_version = "frostline"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        self._serve()

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._serve()

    def do_POST(self) -> None:
        """Answer what changes something."""
        self._serve()

    def do_OPTIONS(self) -> None:
        """Answer a browser that asks whether it may ask."""
        self._serve()

    def log_message(self, *_: object) -> None:
        """Stay silent: health is asked every few seconds."""

    def _serve(self) -> None:
        status, kind, data = self._answer()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        origin = self.headers.get("Origin")
        if origin in SHELL_ORIGINS:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Headers", "Authorization, Content-Type")
            self.send_header("Vary", "Origin")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _answer(self) -> Body:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if sum(len(name) + len(value) for name, value in headers.items()) > _HEADER_LIMIT:
            return problem(431, "the headers are too long")
        path, _, query = self.path.partition("?")
        keys = self.server.keys
        access = authorise(self.command, path, headers, self.server.port, keys.accepted())
        if access.status == _NO_CONTENT:
            return _NO_CONTENT, "text/plain", b""
        if access.status != _OK:
            return problem(access.status, access.reason)
        if self.command == "POST":
            return self._post(path, headers.get("content-length", "0"))
        if path in _PAGES:
            name, kind = _PAGES[path]
            return _OK, kind, (self.server.pages / name).read_bytes()
        return get(self.server.subject, path, parse_query(query), known=access.known)

    def _post(self, path: str, length: str) -> Body:
        if not length.isdigit() or int(length) > BODY_LIMIT:
            return problem(413, "the body is too long")
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except ValueError:
            return problem(400, "the body is not JSON")
        if not isinstance(body, dict):
            return problem(400, "the body is no JSON object")
        return post(self.server.subject, self.server.keys, path, body)
