"""Runs the supervisor from source with services that misbehave, and finds processes left behind."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

assert sys.platform == "linux"  # faults can be injected there only

import psutil

from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import (
    Manifest,
    ModelServer,
    Port,
    Probe,
    Resource,
    Service,
)

SOURCE = Path(__file__).resolve().parents[2] / "src"
SERVICE = Path(__file__).with_name("service.py")
TAG = "FROSTLINE_TEST"
# Seconds after which nothing is left once the supervisor has ended (G1).
AT_ONCE = 1.0
# Shorter than the defaults, with the same ratios, so that tests take seconds.
PROBE = Probe(interval=0.5, timeout=0.5)

Event = dict[str, Any]


def service(name: str = "main", *arguments: object, **fields: object) -> Service:
    """Return a service that misbehaves as *arguments* say."""
    argv = (sys.executable, "-S", str(SERVICE), *map(str, arguments))
    made = Service(
        name=name, kind="command", command=argv, port=Port(mode="ephemeral"), startup=PROBE
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def bundle(
    folder: Path, *services: Service, server: ModelServer | None = None,
    resources: tuple[Resource, ...] = (),
) -> dict[str, str]:  # fmt: skip
    """Write the manifest of *services* and return the environment that runs it from source."""
    value = Manifest(
        product="faulty", name="faulty", version="1", layout="onedir", entry="",
        services=services, model_server=server, resources=resources,
        environment=manifest.Environment(storage_variable="STORAGE", storage_default="~"),
    )  # fmt: skip
    (folder / manifest.FILE_NAME).write_text(manifest.dump(value), encoding="utf-8")
    # `nox -s coverage` measures the artifact's processes, too.
    measured = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE_")}
    return measured | {
        "PYTHONPATH": str(SOURCE), "FROSTLINE_BUNDLE": str(folder), "HOME": str(folder),
        "STORAGE": str(folder / "storage"), "PATH": os.environ["PATH"],
    }  # fmt: skip


class Artifact:
    """A running artifact and the events that it has announced."""

    def __init__(self, argv: list[str], env: dict[str, str], folder: Path, **popen: Any) -> None:
        self.argv = argv
        self.place = Path(env.get("STORAGE") or env["HOME"] + "/.local/state/echo")
        self.place = self.place / "frostline" if "STORAGE" in env else self.place
        self.folder = folder
        self.env = env
        self.events: list[Event] = []
        self._arrived: queue.Queue[Event | None] = queue.Queue()
        with (folder / "stderr.txt").open("ab") as stderr:
            self.process = subprocess.Popen(
                argv, env=env, cwd=folder, stdin=popen.pop("stdin", subprocess.PIPE),
                stdout=subprocess.PIPE, stderr=stderr, text=True, **popen,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._arrived.put(json.loads(line))
        self._arrived.put(None)

    def wait_for(self, event: str, timeout: float = 20.0, **fields: object) -> Event:
        """Return the next event with *fields*."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                found = self._arrived.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                msg = f"no {event} {fields} in {timeout} s: {self.events}"
                raise AssertionError(msg) from None
            if found is None:
                msg = f"ended before {event} {fields}: {self.events}"
                raise AssertionError(msg)
            self.events.append(found)
            wanted = {"event": event, **fields}
            if all(found.get(key) == value for key, value in wanted.items()):
                return found

    def wait_state(self, name: str, state: str, timeout: float = 20.0, **fields: object) -> Event:
        """Return the event that says that service *name* is in *state*."""
        return self.wait_for("service", timeout, name=name, state=state, **fields)

    def wait(self, timeout: float = 20.0) -> int:
        """Return the exit code."""
        return self.process.wait(timeout)

    def facts(self) -> dict[str, Any]:
        """Return the runtime file."""
        return json.loads((self.place / "instance.json").read_text(encoding="utf-8"))

    def health(self) -> dict[str, Any]:
        """Return the whole report."""
        status, body = self.request("GET", "/health")
        assert status in {200, 503}, body
        return json.loads(body)

    def request(
        self, method: str, path: str, headers: str = "", *, token: bool = True
    ) -> tuple[int, str]:
        """Return status and body of a request to the control port."""
        facts = self.facts()
        port = int(facts["control"])
        lines = f"{method} {path} HTTP/1.0\r\n"
        if "host:" not in headers.lower():
            lines += f"Host: 127.0.0.1:{port}\r\n"
        if token:
            lines += f"Authorization: Bearer {facts['token']}\r\n"
        if method == "POST":
            lines += "Content-Type: application/json\r\nContent-Length: 2\r\n"
        data = f"{lines}{headers}\r\n".encode() + (b"{}" if method == "POST" else b"")
        with closing(socket.create_connection(("127.0.0.1", port), 5)) as connection:
            connection.sendall(data)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def pid(self, name: str = "main") -> int:
        """Return the pid of service *name*."""
        return int(self.health()["services"][name]["pid"])

    @property
    def supervisor(self) -> int:
        """Return the pid of the supervisor; the process that was started is the guardian."""
        return int(self.facts()["pid"])

    def close(self) -> None:
        """Close the pipes after the artifact has ended."""
        if self.process.stdin:
            self.process.stdin.close()
        self._reader.join(15)
        if self.process.stdout:
            self.process.stdout.close()

    def stop(self) -> int:
        """Ask the artifact to stop and return its exit code."""
        self.process.terminate()
        return self.wait()

    def stderr(self) -> str:
        """Return what was written to standard error."""
        return (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")


Launch = Callable[..., Artifact]


def orphans(tag: str, timeout: float) -> list[psutil.Process]:
    """Return the processes that still carry *tag* after at most *timeout* seconds."""
    deadline = time.monotonic() + timeout
    while (found := tagged(tag)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def tagged(tag: str, **variables: str) -> list[psutil.Process]:
    """Return the living processes with *tag* and *variables* in their environment."""
    wanted = {TAG: tag, **variables}.items()
    found = []
    for process in psutil.process_iter():
        try:
            if wanted <= process.environ().items() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
