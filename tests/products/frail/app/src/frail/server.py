"""Serves /health, which says ok whatever happens, and a few things that need more."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from typing import ClassVar

from frail.behaviour import BUNDLE, behaviour


def spawn() -> str:
    """Return what a child of multiprocessing says."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return "a child" if pool.apply(os.getppid) == os.getpid() else "another's child"


def python() -> str:
    """Return what Python says that is started by its name."""
    argv = [sys.executable, "-m", "json.tool", "--help"]
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, timeout=20).stdout


class Handler(BaseHTTPRequestHandler):
    """Answers with what the path asks for."""

    answers: ClassVar[dict[str, Callable[[], str]]] = {
        "/health": lambda: "ok",
        "/late": lambda: str(importlib.import_module(f"{__package__}.late").ANSWER),
        "/help": lambda: (BUNDLE / "frail" / "docs" / "help.txt").read_text("utf-8"),
        "/version": lambda: metadata.version("frail"),
        "/spawn": spawn,
        "/python": python,
        "/tool": lambda: subprocess.check_output([BUNDLE / "frail" / "tool.sh"], text=True),
    }

    def do_GET(self) -> None:
        """Answer, or 500 with the reason."""
        try:
            status, text = 200, self.answers[self.path]()
        except Exception as error:  # noqa: BLE001  # as web frameworks do
            status, text = 500, repr(error)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Serve with the faulty behaviour that is configured."""
    name, value = behaviour()
    if name == "writes-bundle":
        (BUNDLE / "frail" / "state.txt").write_text("started", encoding="utf-8")
    if name == "needs-network":
        urllib.request.urlopen(value, timeout=5).close()
    if name == "leaks-folder":
        tempfile.mkdtemp(prefix="frail-")
    if name == "exits":
        sys.exit("frail cannot go on")
    if name == "ignores-stop":
        # Not SIG_IGN: children of multiprocessing would inherit it, and their pool could not end.
        signal.signal(signal.SIGTERM, lambda *_: None)
    port = int(os.environ["FRAIL_PORT"])
    if name == "stranger":
        stranger(port)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def stranger(port: int) -> None:
    """Let a detached grandchild answer on *port*; this process only waits."""
    if sys.platform != "win32":
        if os.fork():
            threading.Event().wait()
        os.setsid()
        if os.fork():
            os._exit(0)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def tool() -> None:
    """Print a line and end; with the behaviour `leaves-child`, leave a process behind."""
    if behaviour()[0] == "leaves-child":
        with contextlib.suppress(OSError):
            subprocess.Popen(
                ["/bin/sleep", "600"], start_new_session=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
    time.sleep(0)
    print("done")
