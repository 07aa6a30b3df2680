"""Where a running service says whether it is healthy."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from frostline.launch import health_path
from frostline.profile.services import Probe

Answers = Mapping[str, tuple[int, str]]
PAGE = (200, "<html>a page for every path</html>")
DOCUMENT = json.dumps({
    "paths": {
        "/items/{name}/status": {"post": {}}, "/shop/healthcheck": {"get": {}}, "/": {"get": {}},
    },
})  # fmt: skip
TCP = Probe(kind="tcp")


def found(answers: Answers, otherwise: tuple[int, str] = (404, "")) -> Probe:
    """Return the probe for a server that gives *answers* by path, and *otherwise* elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            status, text = answers.get(self.path, otherwise)
            self.send_response(status)
            self.send_header("Location", "/health")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return health_path.find(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("answers", "otherwise", "expected"),
    [
        ({"/health": (200, "ok"), "/": (200, "")}, (404, ""), Probe(path="/health")),
        ({"/healthz": (204, ""), "/": (200, "")}, (404, ""),
         Probe(path="/healthz", statuses=(204,))),
        ({"/_stcore/health": (200, "ok")}, PAGE, Probe(path="/_stcore/health")),
        ({"/openapi.json": (200, DOCUMENT), "/shop/healthcheck": (200, "ok")}, (404, ""),
         Probe(path="/shop/healthcheck")),
        ({"/openapi.json": (200, "[1]"), "/": (200, "")}, (404, ""), Probe(path="/")),
        ({"/health": (401, "")}, (401, ""), TCP),
        ({"/health": (302, ""), "/": (302, "")}, (404, ""), Probe(path="/", statuses=(302,))),
        ({}, PAGE, Probe(path="/")),
        ({"/": (500, "")}, (404, ""), TCP),
    ],
    ids=["health", "without content", "among pages", "documented", "no document", "protected",
         "redirected", "a page for everything", "nothing"],
)  # fmt: skip
def test_which_path(answers: Answers, otherwise: tuple[int, str], expected: Probe) -> None:
    """A path for health that tells something, else `/` without an error, else the open port."""
    assert found(answers, otherwise) == expected
