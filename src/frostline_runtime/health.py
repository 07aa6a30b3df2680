"""The aggregated health of all services on the control port: `GET /health`."""

import json
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from frostline_runtime.states import Status

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

Report = dict[str, object]

_HEALTHY = {Status.OK, Status.DEGRADED}


def serve(listener: socket.socket, report: Callable[[], Report]) -> "ThreadingHTTPServer":
    """Answer on *listener* from a thread with what *report* returns; close the result to stop.

    200 for `ok` and `degraded`, 503 otherwise. Requests with a foreign `Host` are refused
    before they are looked at: a web page must not reach us through a name of its own.
    """
    from http.server import (  # noqa: PLC0415  # costs 20 ms, and the services are starting meanwhile
        BaseHTTPRequestHandler,
        ThreadingHTTPServer,
    )

    port = listener.getsockname()[1]
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    class Handler(BaseHTTPRequestHandler):
        timeout: ClassVar[float | None] = 5.0
        server_version = "frostline"
        sys_version = ""

        def do_GET(self) -> None:
            if self.headers.get("Host") not in hosts:
                self._answer(403, {"error": "this Host is not served"})
            elif self.path != "/health":
                self._answer(404, {"error": "not found; try /health"})
            else:
                body = report()
                self._answer(200 if body["status"] in _HEALTHY else 503, body)

        def _answer(self, status: int, body: Report) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay silent: health is asked every few seconds."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 3600}, name="health", daemon=True
    )
    thread.start()
    return server
