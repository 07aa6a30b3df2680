"""A model server, a queue that works at once, and the app."""

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

# The queue reads its settings when it is imported: Celery's programs import it by name.
os.environ["RAG_STORAGE_PATH"] = tempfile.mkdtemp(prefix="rag-tests-")

import httpx
import pytest
import uvicorn
from rag.app import create_app
from rag.queue import app as queue
from rag.settings import load_settings

WORDS = ("frost", "water", "north", "engine", "wheel")


class Embeddings(BaseHTTPRequestHandler):
    """Answers with vectors: how often each of WORDS occurs in a text."""

    def do_GET(self) -> None:
        """List no models."""
        self._answer({"data": []})

    def do_POST(self) -> None:
        """Return vectors in reverse order; each has its index."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = [
            {"index": at, "embedding": [0.01 + text.lower().count(word) for word in WORDS]}
            for at, text in enumerate(body["input"])
        ]
        self._answer({"data": data[::-1]})

    def _answer(self, body: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def model_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve embeddings and set OPENAI_BASE_URL to the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Embeddings) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        yield url
        server.shutdown()
        thread.join()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Serve the app over real http; its documents are embedded at once."""
    monkeypatch.setenv("RAG_STORAGE_PATH", str(tmp_path))
    queue.conf.task_always_eager = True
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(load_settings()), log_level="warning")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as found:
            yield found
        server.should_exit = True
        thread.join()
    queue.conf.task_always_eager = False
