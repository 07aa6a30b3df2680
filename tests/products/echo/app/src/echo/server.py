"""Serves /health and the environment that a child of the service sees."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

BEHAVIOUR = os.environ.get("ECHO_BEHAVIOUR", "")
_CHILD = ["/usr/bin/env"]


class Handler(BaseHTTPRequestHandler):
    """Answers everything with one document."""

    answers: ClassVar[dict[str, int]] = {"/health": 503 if BEHAVIOUR == "never-healthy" else 200}

    def do_GET(self) -> None:
        """Answer with the environment of a child process."""
        if self.path == "/spawn":  # a child of multiprocessing is this executable again
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                child = pool.apply(os.getppid)
            self.send_response(200 if child == os.getpid() else 500)
            self.end_headers()
            return
        seen = subprocess.run(_CHILD, stdout=subprocess.PIPE, check=True, text=True).stdout
        body = json.dumps({"child": seen.splitlines()}).encode()
        self.send_response(self.answers.get(self.path, 200))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Serve until told to stop."""
    if BEHAVIOUR == "exit":
        sys.exit("echo cannot go on")
    if BEHAVIOUR == "ignore-term":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if BEHAVIOUR == "grandchild":
        subprocess.Popen(["/bin/sleep", "600"])
    HTTPServer(("127.0.0.1", int(os.environ["ECHO_PORT"])), Handler).serve_forever()
