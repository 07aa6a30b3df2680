"""Compares frostline's downloads with curl, aria2, pooch and huggingface_hub, over loopback.

Tools that are not installed are named and skipped. curl and aria2 verify nothing, huggingface_hub
the size, the others the SHA-256. `--peers` is the interpreter that has the Python tools.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

assert sys.platform != "win32"  # sendfile, wait4 and SIGKILL

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20
OURS = """
import json, sys
from pathlib import Path
from frostline_runtime.download.fetch import fetch
from frostline_runtime.download.transfer import Wanted
made = json.loads(sys.argv[1])
fetch(Wanted(name="f", urls=(made["url"],), size=made["size"], sha256=made["sha256"]),
      Path(made["place"]))
"""
POOCH = """
import json, sys, pooch
made = json.loads(sys.argv[1])
pooch.get_logger().setLevel("ERROR")
pooch.retrieve(made["url"], "sha256:" + made["sha256"], fname="f", path=made["folder"])
"""
HUB = """
import json, sys
from huggingface_hub import file_download
made = json.loads(sys.argv[1])
with open(made["place"], "wb") as file:
    file_download.http_get(made["url"], file, expected_size=made["size"])
"""


@dataclass
class Files:
    """A server for one file, with ranges and a strong ETag; *sent* counts the bytes of bodies.

    *limit*: after this many bytes of a response the server falls silent.
    """

    path: Path
    sent: int = 0
    limit: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """Return the address of the file."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/f"

    def serve(self) -> None:
        """Answer requests until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, self.path.open("rb") as file:
            try:
                while head := self._head(connection):
                    self._send(connection, file.fileno(), head)
            except OSError:
                return

    def _head(self, connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return ""
            data += piece
        return data.decode("latin-1").lower()

    def _send(self, connection: socket.socket, file: int, head: str) -> None:
        size = self.path.stat().st_size
        start, end = 0, size - 1
        if "\r\nrange: bytes=" in head:
            span = head.partition("\r\nrange: bytes=")[2].partition("\r\n")[0]
            first, _, last = span.partition("-")
            start, end = int(first), int(last) if last else end
        status = f"206 Partial Content\r\nContent-Range: bytes {start}-{end}/{size}"
        lines = f"HTTP/1.1 {status if start or end < size - 1 else '200 OK'}\r\n"
        lines += f'Content-Length: {end - start + 1}\r\nETag: "f"\r\nAccept-Ranges: bytes\r\n\r\n'
        connection.sendall(lines.encode())
        if head.startswith("head"):
            return
        at, stop = start, min(end + 1, start + self.limit if self.limit else end + 1)
        while at < stop:
            count = os.sendfile(connection.fileno(), file, at, min(stop - at, 4 * MIB))
            at += count
            self.sent += count
        if stop <= end:
            connection.recv(1)


@dataclass(frozen=True)
class Contender:
    """A downloader: *argv* returns its command for a request; *checks* is what it verifies."""

    name: str
    checks: str
    argv: Callable[[dict[str, object]], list[str]]


def contenders(peers: str) -> Iterator[Contender]:
    """Yield the installed downloaders; print the names of the others."""
    source = [sys.executable, "-c", OURS]
    yield Contender("frostline", "sha256", lambda made: [*source, json.dumps(made)])
    if shutil.which("curl"):
        yield Contender(
            "curl", "nothing",
            lambda made: [
                "curl", "-s", "-f", "-C", "-", "-o", str(made["place"]), str(made["url"]),
            ],
        )  # fmt: skip
    else:
        print("curl is not installed: skipped")
    if shutil.which("aria2c"):
        yield Contender(
            "aria2", "nothing",
            lambda made: [
                "aria2c", "-q", "--file-allocation=none", "-d", str(made["folder"]), "-o", "f",
                str(made["url"]),
            ],
        )  # fmt: skip
    else:
        print("aria2 is not installed: skipped")
    for name, module, checks, code in (
        ("pooch", "pooch", "sha256", POOCH),
        ("huggingface_hub", "huggingface_hub", "size", HUB),
    ):
        there = subprocess.run([peers, "-c", f"import {module}"], check=False, capture_output=True)
        if there.returncode:
            print(f"{name} is not installed for {peers}: skipped")
            continue
        yield Contender(name, checks, partial(_python, peers, code))


def _python(peers: str, code: str, made: Mapping[str, object]) -> list[str]:
    """Return the command that fetches with *code* by the interpreter *peers*."""
    return [peers, "-c", code, json.dumps(made)]


@contextmanager
def serving(path: Path) -> Iterator[Files]:
    """Serve the file at *path*."""
    files = Files(path)
    threading.Thread(target=files.serve, daemon=True).start()
    yield files
    files.listener.close()


def main() -> None:
    """Measure the downloaders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="MiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, help="a Python with the Python tools")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        facts = write(source, options.size)
        rates: dict[str, list[float]] = {}
        memory: dict[str, int] = {}
        resumed: dict[str, float] = {}
        known = [*contenders(options.peers)]
        with serving(source) as files:
            for _ in range(options.rounds):
                for contender in known:
                    seconds, peak = once(contender, files, facts, Path(name))
                    rates.setdefault(contender.name, []).append(options.size / seconds)
                    memory[contender.name] = max(memory.get(contender.name, 0), peak)
            for contender in known:
                resumed[contender.name] = resume(contender, files, facts, Path(name))
    titles = ["checks", "MiB/s: median (min to max)", "of curl", "peak memory, MiB"]
    titles += ["fetched after a kill at 90 %"]
    print(f"| | {' | '.join(titles)} |")
    print("|---|---|---|---|---|---|")
    for contender in known:
        mine = rates[contender.name]
        share = [a / b for a, b in zip(mine, rates.get("curl", mine), strict=True)]
        print(
            f"| {contender.name} | {contender.checks} | {statistics.median(mine):.0f} "
            f"({min(mine):.0f} to {max(mine):.0f}) | {statistics.median(share):.2f} | "
            f"{memory[contender.name] / 1024:.0f} | {resumed[contender.name]:.0%} |"
        )


def write(path: Path, size: int) -> dict[str, object]:
    """Write a file of *size* MiB and return its size and SHA-256."""
    block, digest = os.urandom(MIB), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size):
            piece = number.to_bytes(8, "big") + block[8:]
            file.write(piece)
            digest.update(piece)
    return {"size": size * MIB, "sha256": digest.hexdigest()}


def once(
    contender: Contender, files: Files, facts: dict[str, object], base: Path
) -> tuple[float, int]:
    """Return the seconds and the peak memory in KiB of one download."""
    with tempfile.TemporaryDirectory(dir=base) as folder:
        argv = contender.argv(made(files, facts, folder))
        began = time.monotonic()
        process = subprocess.Popen(argv, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or Path(folder, "f").stat().st_size != facts["size"]:
            sys.exit(f"{contender.name} failed: {process.returncode}")
        return seconds, usage.ru_maxrss


def resume(contender: Contender, files: Files, facts: dict[str, object], base: Path) -> float:
    """Return the share of the file that is fetched again after a kill at 90 %."""
    size = int(str(facts["size"]))
    with tempfile.TemporaryDirectory(dir=base) as folder:
        argv = contender.argv(made(files, facts, folder))
        files.limit, files.sent = size * 9 // 10, 0
        process = subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL)
        while files.sent < files.limit:
            time.sleep(0.01)
        time.sleep(1.0)  # until the sent bytes are written
        process.send_signal(signal.SIGKILL)
        process.wait()
        files.limit = files.sent = 0
        subprocess.run(argv, env=environment(), check=False, stderr=subprocess.DEVNULL)
        return files.sent / size


def made(files: Files, facts: dict[str, object], folder: str) -> dict[str, object]:
    """Return the request for a downloader."""
    return {**facts, "url": files.url, "folder": folder, "place": f"{folder}/f"}


def environment() -> dict[str, str]:
    """Return the environment variables of a downloader."""
    return {
        "PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(),
        "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip


if __name__ == "__main__":
    main()
