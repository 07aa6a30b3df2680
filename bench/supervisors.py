"""Compares frostline's supervisor with supervisord, circus, runit and PM2.

Supervisors that are not on PATH are named and skipped. To install them: `pip install supervisor
circus`, the packages runit and npm, `npm install -g pm2`.
"""

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import Manifest, Port, Probe, Service

assert sys.platform == "linux"  # signals, PSS and wake-ups are read as Linux has them

ROOT = Path(__file__).resolve().parents[1]
TAG = "FROSTLINE_BENCH"
UPTIME = 6.0
PATIENCE = 16.0
IDLE = 10.0
LOOP = 20.0
STEADY = 'echo "$$ $(date +%s.%N)" >> "$1"; exec sleep 1000'
CRASHING = 'echo "$$ $(date +%s.%N)" >> "$1"; sleep 0.05; exit 1'


@dataclass(frozen=True)
class Contender:
    """A supervisor: *prepare* writes its files into a folder and returns its command."""

    name: str
    prepare: Callable[[Path, str], list[str]]
    needs: str = ""


@dataclass
class Running:
    """A started supervisor around one service that logs its starts."""

    process: subprocess.Popen[bytes]
    folder: Path
    tag: str

    def starts(self) -> list[tuple[int, float]]:
        """Return the pid and wall-clock time of each start of the service."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / "starts").read_text(encoding="utf-8").splitlines()
            return [(int(line.split()[0]), float(line.split()[1])) for line in lines]
        return []

    def wait_starts(self, number: int, patience: float = PATIENCE) -> tuple[int, float] | None:
        """Return start *number*, counted from one, or None after *patience* seconds."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if len(found := self.starts()) >= number:
                return found[number - 1]
            time.sleep(0.002)
        return None

    def family(self) -> list[psutil.Process]:
        """Return all processes of this contender; services may lack the tag."""
        services = {pid for pid, _ in self.starts()}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                ours = process.pid in services or process.environ().get(TAG) == self.tag
                if ours and process.status() != "zombie":
                    found.append(process)
        return found

    def own(self) -> list[psutil.Process]:
        """Return the processes of the supervisor itself."""
        services = {pid for pid, _ in self.starts()}
        return [process for process in self.family() if process.pid not in services]


def main() -> None:
    """Measure every contender that is installed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="kills of the service")
    rounds: int = parser.parse_args().rounds
    print("| | KILL of the service → next first line, ms: median, worst | SIGSTOP → replaced"
          " | left after KILL of the supervisor | PSS, MiB | wake-ups/s idle"
          f" | starts of a crash loop in {LOOP:.0f} s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for contender in CONTENDERS:
        if contender.needs and not shutil.which(contender.needs):
            print(f"| {contender.name} | not installed: no {contender.needs} |")
            continue
        print(f"| {contender.name} | {' | '.join(measure(contender, rounds))} |", flush=True)


def measure(contender: Contender, rounds: int) -> list[str]:
    """Return the cells of the contender's row."""
    delays = [after_kill(contender) for _ in range(rounds)]
    with running(contender, STEADY) as steady:
        steady.wait_starts(1)
        time.sleep(UPTIME)
        pss = sum(memory(process.pid) for process in steady.own())
        before, began = switches(steady), time.monotonic()
        time.sleep(IDLE)
        wakes = (switches(steady) - before) / (time.monotonic() - began)
        stopped = after_stop(steady) if contender.name != "frostline" else ""
    left = survivors(contender)
    if contender.name == "frostline":
        stopped = frostline_after_stop()
    with running(contender, CRASHING) as crashing:
        time.sleep(LOOP)
        starts = len(crashing.starts())
    return [
        f"{statistics.median(delays):.1f}, {max(delays):.1f}", stopped, left, f"{pss:.1f}",
        f"{wakes:.1f}", str(starts),
    ]  # fmt: skip


def after_kill(contender: Contender) -> float:
    """Return the milliseconds from the kill of a stable service to its next start."""
    with running(contender, STEADY) as steady:
        found = steady.wait_starts(1)
        time.sleep(UPTIME)
        killed = time.time()
        os.kill(found[0] if found else 0, signal.SIGKILL)
        found = steady.wait_starts(2)
        return (found[1] - killed) * 1000 if found else float("inf")


def after_stop(steady: Running) -> str:
    """Stop the service with SIGSTOP; return after how long it was replaced."""
    number = len(steady.starts())
    pid = steady.starts()[-1][0]
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    found = steady.wait_starts(number + 1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    return f"{time.monotonic() - began:.1f} s" if found else f"not in {PATIENCE:.0f} s"


def frostline_after_stop() -> str:
    """Do the same for frostline, with a service that has a probe with default times."""
    program = ROOT / "tests" / "faults" / "service.py"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = (sys.executable, "-S", str(program), "--log", str(folder / "starts"))
        service = Service(
            name="main", kind="command", command=command, port=Port(mode="ephemeral"),
            startup=Probe(),
        )  # fmt: skip
        with launched(frostline_bundle(folder, service), folder) as steady:
            steady.wait_starts(1)
            time.sleep(UPTIME)
            return after_stop(steady)


def survivors(contender: Contender) -> str:
    """Kill the supervisor; return what is left after a second, or how soon nothing was left."""
    with running(contender, STEADY) as steady:
        found = steady.wait_starts(1)
        time.sleep(1)
        parent = psutil.Process(found[0]).parent() if found else None
        if not parent:
            return "did not start"
        began = time.monotonic()
        parent.kill()
        while (left := steady.family()) and time.monotonic() - began < 1:
            pass
        if not left:
            return f"0 in {(time.monotonic() - began) * 1000:.0f} ms"
        return f"{len(left)}: {', '.join(sorted({process.name() for process in left}))}"


def memory(pid: int) -> float:
    """Return the proportional set size of *pid* in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    lines = [line for line in text.splitlines() if line.startswith("Pss:")]
    return int(lines[0].split()[1]) / 1024


def switches(steady: Running) -> int:
    """Return how often the supervisor's threads went to sleep, which is how often they woke."""
    total = 0
    for process in steady.own():
        for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
            for line in status.read_text(encoding="utf-8").splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
    return total


@contextlib.contextmanager
def running(contender: Contender, script: str) -> Iterator[Running]:
    """Run *contender* around a service that runs *script*."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "service.sh").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / "service.sh").chmod(0o755)
        command = contender.prepare(folder, f"{folder}/service.sh {folder}/starts")
        with launched(command, folder) as started:
            yield started


@contextlib.contextmanager
def launched(command: list[str], folder: Path) -> Iterator[Running]:
    """Run *command*; kill its remaining processes afterwards."""
    tag = os.urandom(8).hex()
    environ = os.environ | {
        TAG: tag, "HOME": str(folder), "PM2_HOME": str(folder / "pm2"), "STORAGE": str(folder),
        "FROSTLINE_BUNDLE": str(folder), "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    started = Running(process, folder, tag)
    try:
        yield started
    finally:
        for _ in range(50):
            for member in started.family():
                with contextlib.suppress(psutil.Error):
                    member.kill()
        process.wait()


def frostline_bundle(folder: Path, service: Service) -> list[str]:
    """Write the manifest of *service* and return the command that runs it from source."""
    value = Manifest(
        product="bench", name="bench", version="1", layout="onedir", entry="",
        services=(service,),
        environment=manifest.Environment(storage_variable="STORAGE", storage_default="~"),
    )  # fmt: skip
    (folder / manifest.FILE_NAME).write_text(manifest.dump(value), encoding="utf-8")
    return [sys.executable, "-m", "frostline_runtime.entry"]


def frostline(folder: Path, service: str) -> list[str]:
    """Prepare frostline."""
    return frostline_bundle(
        folder, Service(name="main", kind="command", command=tuple(service.split()))
    )


def supervisord(folder: Path, service: str) -> list[str]:
    """Prepare supervisord."""
    text = f"[supervisord]\nnodaemon=true\n[program:main]\ncommand={service}\n"
    (folder / "supervisord.conf").write_text(text, encoding="utf-8")
    return ["supervisord", "-c", str(folder / "supervisord.conf")]


def circus(folder: Path, service: str) -> list[str]:
    """Prepare circus."""
    text = f"[circus]\n[watcher:main]\ncmd={service}\n"
    (folder / "circus.ini").write_text(text, encoding="utf-8")
    return ["circusd", str(folder / "circus.ini")]


def runit(folder: Path, service: str) -> list[str]:
    """Prepare runit."""
    place = folder / "services" / "main"
    place.mkdir(parents=True)
    (place / "run").write_text(f"#!/bin/sh\nexec {service}\n", encoding="utf-8")
    (place / "run").chmod(0o755)
    return ["runsvdir", str(folder / "services")]


def pm2(folder: Path, service: str) -> list[str]:
    """Prepare PM2 without its daemon mode, which would leave the process group."""
    program, log = service.split()
    script = f'module.exports = {{apps: [{{name: "main", script: "{program}", args: "{log}"}}]}}'
    (folder / "ecosystem.config.js").write_text(script, encoding="utf-8")
    return ["pm2-runtime", str(folder / "ecosystem.config.js")]


CONTENDERS = (
    Contender("frostline", frostline),
    Contender("supervisord", supervisord, "supervisord"),
    Contender("circus", circus, "circusd"),
    Contender("runit", runit, "runsvdir"),
    Contender("PM2", pm2, "pm2-runtime"),
)

if __name__ == "__main__":
    main()
