"""Random faults, one a second, on a running artifact (row S); `nox -s soak`.

Afterwards nothing may be left, and memory and descriptors must be as they were.
"""

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

import psutil
from harness import TAG, Artifact, bundle, orphans, service

FAULTS = ("kill", "segv", "stop", "restart", "term", "bounce", "nothing")


def main() -> int:
    """Run the soak test and return 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    tag = uuid.uuid4().hex
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory() as name:
        artifact = launch(Path(name), tag)
        artifact.wait_for("ready", 30)
        counts, samples = soak(artifact, chance, options.minutes * 60)
        code = artifact.stop()
        artifact.close()
        wrong = judge(code, samples)
        runs = history(artifact.place)
    left = orphans(tag, timeout=2.0)
    wrong += [f"left behind: {process.cmdline()}" for process in left]
    first, last = samples[len(samples) // 4], samples[-1]
    print(f"faults {dict(counts)}; runs in the history {runs}")
    print(f"resident {first[0]:.1f} → {last[0]:.1f} MiB, descriptors {first[1]} → {last[1]}")
    print("\n".join(wrong) or "nothing left, nothing grown")
    return 1 if wrong else 0


def launch(folder: Path, tag: str) -> Artifact:
    """Start three services: a plain one, one with grandchildren, one that needs the first."""
    services = (  # none is required: a required service that is given up ends the artifact
        service("main", required=False),
        service("family", "--grandchild", "double", required=False),
        service("second", needs=("main",), required=False),
    )
    env = bundle(folder, *services) | {TAG: tag}
    return Artifact([sys.executable, "-m", "frostline_runtime.entry"], env, folder)


def soak(
    artifact: Artifact, chance: random.Random, seconds: float
) -> tuple[Counter[str], list[tuple[float, int]]]:
    """Inject faults for *seconds*; return their numbers and samples of memory and descriptors."""
    supervisor = psutil.Process(artifact.supervisor)
    counts: Counter[str] = Counter()
    samples = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        fault = chance.choice(FAULTS)
        name = chance.choice(["main", "family", "second"])
        counts[fault] += 1
        inject(artifact, fault, name)
        time.sleep(1)
        for other, facts in artifact.health()["services"].items():
            if facts["state"] in {"FAILED", "STOPPED"}:  # a user starts it again
                artifact.request("POST", f"/api/services/{other}/start")
        samples.append((supervisor.memory_info().rss / 2**20, supervisor.num_fds()))
    return counts, samples


def inject(artifact: Artifact, fault: str, name: str) -> None:
    """Inject one fault into service *name*."""
    pid = artifact.health()["services"][name]["pid"]
    numbers = {
        "kill": signal.SIGKILL, "segv": signal.SIGSEGV, "stop": signal.SIGSTOP,
        "term": signal.SIGTERM,
    }  # fmt: skip
    if fault in numbers and pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, numbers[fault])
    elif fault == "restart":
        artifact.request("POST", f"/api/services/{name}/restart")
    elif fault == "bounce":
        for verb in ("stop", "start", "stop", "start"):
            artifact.request("POST", f"/api/services/{name}/{verb}")


def judge(code: int, samples: list[tuple[float, int]]) -> list[str]:
    """Return what has grown since the first quarter, and a wrong exit code."""
    quarter = samples[len(samples) // 4 :]
    memory, descriptors = [s[0] for s in quarter], [s[1] for s in quarter]
    wrong = [] if code == 0 else [f"exit code {code}"]
    if memory[-1] > memory[0] + 2:
        wrong.append(f"memory grew from {memory[0]:.1f} to {memory[-1]:.1f} MiB")
    if descriptors[-1] > descriptors[0] + 6:
        wrong.append(f"descriptors grew from {descriptors[0]} to {descriptors[-1]}")
    return wrong


def history(place: Path) -> int:
    """Return the number of ended runs in the history."""
    with contextlib.closing(sqlite3.connect(place / "state.db")) as database:
        return int(database.execute("SELECT count(*) FROM runs").fetchone()[0])


if __name__ == "__main__":
    sys.exit(main())
