"""Imitates llamafile, before 0.10 (`old`) or since (`new`), without any model.

The old one loads first, then listens, and takes the next port if its own is taken. The new one
listens first, answers 503 while it loads, ends if its port is taken, and also runs without a
model. Both end with an error at an argument that they do not know.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSIONS = {"old": "llamafile v0.8.6", "new": "llamafile v0.10.5"}
COMMON = {
    "--server": 0, "--host": 1, "--port": 1, "-m": 1, "-c": 1, "-ngl": 1, "-n": 1, "--gpu": 1,
    "--api-key-file": 1,
}  # fmt: skip
KNOWN = {"old": COMMON | {"--nobrowser": 0}, "new": COMMON | {"--api-prefix": 1}}


class Handler(BaseHTTPRequestHandler):
    """Answers as that version does."""

    line = "new"
    model = ""
    ready_at = 0.0

    def do_GET(self) -> None:
        """Answer with health or the list of models."""
        if self.line == "new" and time.monotonic() < self.ready_at:
            self.answer(503, {"error": {"message": "Loading model", "code": 503}})
        elif self.path == "/health":
            slots = {"slots_idle": 1, "slots_processing": 0} if self.line == "old" else {}
            self.answer(200, {"status": "ok", **slots})
        else:
            self.answer(200, {"data": [{"id": self.model}] if self.model else []})

    def answer(self, status: int, body: object) -> None:
        """Send *body* as JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Write no log."""


class Server(ThreadingHTTPServer):
    """A server that does not share its port."""

    allow_reuse_address = False
    daemon_threads = True


def main(line: str, argv: list[str]) -> int:
    """Serve until a signal comes."""
    if argv == ["--version"]:
        print(VERSIONS[line])
        return 0
    given: dict[str, str] = {}
    rest = iter(argv)
    for word in rest:
        if word not in KNOWN[line]:
            print(f"error: invalid argument: {word}", flush=True)
            return 1
        given[word] = next(rest) if KNOWN[line][word] else ""
    port = int(os.environ.get("AIP_HTTP_PORT") or given["--port"])
    Path(os.environ["HOME"], ".llamafile").touch()
    Path(os.environ["TMPDIR"], ".ape-1.10").touch()
    loading = float(os.environ.get("LOADING", "0"))
    Handler.line, Handler.model = line, given.get("-m", "")
    if line == "old":
        time.sleep(loading)
        Handler.model = Handler.model or "LLaMA_CPP"
    if os.environ.get("TAKEN"):  # another process has taken its port
        port = int(os.environ["TAKEN"])
    Handler.ready_at = time.monotonic() + loading
    for attempt in range(10 if line == "old" else 1):
        try:
            server = Server(("127.0.0.1", port + attempt), Handler)
        except OSError:
            continue
        if line == "old":
            print(f"llama server listening at http://127.0.0.1:{port + attempt}", flush=True)
        server.serve_forever()
    print("error: couldn't bind HTTP server socket", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
