"""Smoke requests: what is sent."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from frostline.launch import exercise
from frostline.profile.checks import Request


class Recorder(BaseHTTPRequestHandler):
    """Records the body of each request and sends it back."""

    bodies: list[bytes | None]

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_POST(self) -> None:
        """Answer with the body."""
        size = self.headers["Content-Length"]
        body = self.rfile.read(int(size)) if size else None
        self.bodies.append(body if self.headers["Content-Type"] else None)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


@pytest.fixture
def url() -> Iterator[str]:
    """Return the address of a server that answers with what it gets."""
    Recorder.bodies = []
    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("body", "sent"), [({}, b"{}"), (None, None)])
def test_an_empty_object_is_sent(
    url: str, body: dict[str, str | int | float | bool] | None, sent: bytes | None
) -> None:
    """`json_body = {}` is a body, and no `json_body` is none."""
    request = Request(name="x", method="POST", path="/", json_body=body)
    assert exercise.make_request(request, {"api": url}).problem == ""
    assert Recorder.bodies == [sent]


def test_a_nonce_is_new_each_time_and_hidden_in_the_outcome(url: str) -> None:
    """`{nonce}` is replaced in what is sent, and put back in what is compared."""
    request = Request(name="x", method="POST", path="/", json_body={"text": "a {nonce}", "n": 1})
    outcomes = [exercise.make_request(request, {"api": url}) for _ in range(2)]
    assert [outcome.text for outcome in outcomes] == ['{"text": "a {nonce}", "n": 1}'] * 2
    first, second = Recorder.bodies
    assert first != second
    assert first is not None
    assert b"nonce" not in first
