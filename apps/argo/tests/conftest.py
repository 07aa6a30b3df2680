"""A model server that speaks the OpenAI protocol, and argo itself, both over real HTTP."""

import json
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NotRequired, TypedDict

import httpx
import pytest
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from argo.app import create_app
from argo.settings import Settings
from pydantic import HttpUrl
from starlette.types import Receive, Scope, Send

WAIT = 10
OWN_VARIABLES = re.compile(
    r"ARGO_|OPENAI_|TIKTOKEN_|ENABLE_MULTI_USER|USE_REMOTE_MODELS|.*_PROXY", re.IGNORECASE
)
Behaviour = Callable[["_Handler"], None]


class ChatBody(TypedDict):
    """What argo asks of the model server."""

    model: str
    messages: list[dict[str, str]]
    stream_options: dict[str, bool]
    max_tokens: int
    temperature: float
    seed: NotRequired[int]


class ModelServer(ThreadingHTTPServer):
    """The model server; a test chooses how it behaves and reads what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        self.behaviour = "answer"
        self.pieces = ["Hel", "lo", " there"]
        self.requests: list[ChatBody] = []
        self.authorization: str | None = None
        self.health_status = 200
        self.health_requests = 0
        self.release = threading.Event()
        self.abandoned = threading.Event()

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Ignore a closed connection: argo closes it at the end of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def model(self) -> ModelServer:
        """The server that the test talks to."""
        assert isinstance(self.server, ModelServer)
        return self.server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self.model.health_requests += 1
        if self.model.behaviour == "hang":
            self.model.release.wait(WAIT)
        self.send_json(self.model.health_status, {"error": {"message": "Loading model"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.model.authorization = self.headers["Authorization"]
        self.model.requests.append(json.loads(body))
        _BEHAVIOURS[self.model.behaviour](self)

    def send_json(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_data(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))

    def send_piece(self, text: str) -> None:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        # Not escaped, as llama.cpp writes it.
        self.send_data(json.dumps({"model": "tiny", "choices": [choice]}, ensure_ascii=False))

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")


def _answer(handler: _Handler) -> None:
    handler.start_stream()
    handler.send_data('{"choices":[{"delta":{"role":"assistant","content":null}}]}')
    for piece in handler.model.pieces:
        handler.send_piece(piece)
    handler.send_data('{"choices":[{"delta":{},"finish_reason":"stop"}]}')
    handler.send_data('{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}')
    handler.send_data("[DONE]")
    handler.end_stream()


def _pause(handler: _Handler) -> None:
    handler.start_stream()
    handler.send_piece("first")
    handler.model.release.wait(WAIT)
    handler.send_piece(" second")
    handler.send_data('{"choices":[{"delta":{},"finish_reason":"stop"}]}')
    handler.end_stream()


def _die(handler: _Handler) -> None:
    handler.start_stream()
    handler.send_piece("half an ans")
    handler.close_connection = True


def _cut(handler: _Handler) -> None:
    handler.start_stream()
    handler.send_piece("half an ans")
    handler.end_stream()


def _fail(handler: _Handler) -> None:
    handler.start_stream()
    handler.send_data('{"error":{"message":"out of memory"}}')
    handler.end_stream()


def _babble(handler: _Handler) -> None:
    handler.start_stream()
    handler.send_data("42")
    handler.end_stream()


def _flood(handler: _Handler) -> None:
    handler.start_stream()
    try:
        while True:
            handler.send_piece("more ")
    except OSError:
        handler.model.abandoned.set()
        handler.close_connection = True


def _load(handler: _Handler) -> None:
    handler.send_json(503, {"error": {"message": "Loading model"}})


def _refuse(handler: _Handler) -> None:
    handler.send_json(400, {"error": {"message": "the context is full"}})


def _break(handler: _Handler) -> None:
    handler.send_json(500, "a proxy's page")


_BEHAVIOURS: dict[str, Behaviour] = {
    "answer": _answer,
    "pause": _pause,
    "die": _die,
    "cut": _cut,
    "fail": _fail,
    "babble": _babble,
    "flood": _flood,
    "load": _load,
    "refuse": _refuse,
    "break": _break,
}


class Argo(httpx.Client):
    """A client of an argo that runs for one test."""

    storage_path: Path

    def ask(self, message: str = "Hi", **fields: object) -> httpx.Response:
        """Ask for a whole answer."""
        return self.post("/api/chat", json={"message": message, "stream": False, **fields})

    def stream_events(self, message: str, **fields: object) -> list[tuple[str, dict[str, object]]]:
        """Ask for a streamed answer and return its events."""
        response = self.post("/api/chat", json={"message": message, **fields})
        return [parse_event(block) for block in response.text.split("\n\n") if block]


def parse_event(block: str) -> tuple[str, dict[str, object]]:
    """Return the name and the data of a server-sent event."""
    name, data = block.split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


class Host:
    """A server that runs as long as the tests and serves the app of the current one."""

    def __init__(self, portal: BlockingPortal, url: str) -> None:
        self.portal = portal
        self.url = url
        self.app = create_app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self.app(scope, receive, send)


class Serve:
    """Starts argo with settings of the test's choice."""

    def __init__(self, host: Host, storage_path: Path) -> None:
        self._host = host
        self._storage_path = storage_path

    @contextmanager
    def __call__(self, **fields: object) -> Iterator[Argo]:
        """Run argo from its start to its stop."""
        settings = Settings.model_validate({"storage_path": self._storage_path, **fields})
        app = create_app(settings)
        lifespan = app.router.lifespan_context(app)
        with (
            self._host.portal.wrap_async_context_manager(lifespan),
            Argo(base_url=self._host.url, timeout=WAIT) as client,
        ):
            self._host.app = app
            client.storage_path = self._storage_path
            yield client


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """Run the server, on a port of the system's choice."""
    # With its protocol named: only then asyncio sends small pieces at once (TCP_NODELAY).
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener,
        start_blocking_portal() as portal,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        host = Host(portal, f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(host, lifespan="off", log_config=None))
        served = portal.start_task_soon(server.serve, [listener])
        yield host
        server.should_exit = True
        served.result(WAIT)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings and proxies out of the tests."""
    for name in filter(OWN_VARIABLES.match, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """Run a model server."""
    with ModelServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join(WAIT)


@pytest.fixture
def serve(host: Host, tmp_path: Path) -> Serve:
    """Return what starts argo, with an empty storage folder."""
    return Serve(host, tmp_path / "storage")


@pytest.fixture
def argo(serve: Serve, model: ModelServer) -> Iterator[Argo]:
    """Run argo with a model server."""
    with serve(openai_base_url=HttpUrl(model.url)) as client:
        yield client
