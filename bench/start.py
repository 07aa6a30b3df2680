"""Compares start time and size of the frozen argo with uvicorn in a venv and plain PyInstaller.

All four are launched in turn in each round, so that noise of the machine affects all alike.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from frostline import pipeline
from frostline.core import platforms
from frostline.infer.opening import open_build
from frostline.launch.instance import ask, free_port
from frostline.profile import configuration
from frostline.source import freezer
from frostline.source.product import product_environment

PLAIN = """
import os
import uvicorn
from argo.app import app
uvicorn.run(app, port=int(os.environ["ARGO_PORT"]), log_level="warning")
"""
DATA = ("alembic.ini", "migrations", "templates", "configs", "web", "providers")


@dataclass(frozen=True)
class Contender:
    """One way to run argo; *size* in bytes, 0 if it cannot be compared."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    size: int = 0


def main() -> None:
    """Build the contenders, measure them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds: int = parser.parse_args().rounds
    contenders = prepare()
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders:
            taken = launch(contender)
            if number:  # the first round warms the caches
                times[contender.name].append(taken)
    base = {contender.name: contender.size for contender in contenders}
    for name, values in times.items():
        ratios = [a / b for a, b in zip(values, times["uvicorn in a venv"], strict=True)]
        size = f"{base[name] / 1e6:7.1f} MB" if base[name] else "         -"
        share = f"{base[name] / base['plain onedir']:.2f} of plain onedir" if base[name] else ""
        print(
            f"{name:18} min {min(values):.3f}  median {statistics.median(values):.3f}  "
            f"max {max(values):.3f} s  x{statistics.median(ratios):.2f} of venv  {size}  {share}"
        )


def prepare() -> list[Contender]:
    """Build argo and the plain bundles; return the four contenders."""
    build = open_build(configuration.find(Path.cwd()), "argo", platforms.host(), os.environ)
    pipeline.build_bundle(build)
    plain = build.workspace.build / "bench"
    python = str(product_environment(build).python)
    build_plain(python, build.root / "apps" / "argo" / "src", plain)
    clean = {"PATH": os.environ["PATH"]}
    venv = clean | {"PYTHONPATH": str(build.work / "stage")}
    uvicorn = (
        python,
        "-m",
        "uvicorn",
        "argo.app:app",
        "--log-level",
        "warning",
        "--port",
        "{port}",
    )
    frozen = (str(build.executable), "--port", "{port}")
    onefile = plain / "onefile" / "plain"
    return [
        Contender("frostline", frozen, clean, size_of(build.bundle)),
        Contender("uvicorn in a venv", uvicorn, venv),
        Contender(
            "plain onedir",
            (str(plain / "onedir" / "plain" / "plain"),),
            clean,
            size_of(plain / "onedir" / "plain"),
        ),
        Contender("plain onefile", (str(onefile),), clean, onefile.stat().st_size),
    ]


def build_plain(python: str, source: Path, folder: Path) -> None:
    """Freeze argo as PyInstaller's manual says, with only what it needs to start."""
    if folder.exists():
        return
    folder.mkdir(parents=True)
    script = folder / "plain.py"
    script.write_text(PLAIN, encoding="utf-8")
    data = [f"--add-data={source / 'argo' / name}:argo/{name}" for name in DATA]
    data = [item if not item.endswith(".ini") else item.rpartition("/")[0] for item in data]
    env = {**os.environ, **freezer.variables(freezer.create(os.environ, folder / "freezer.log"))}
    for layout in ("onedir", "onefile"):
        argv = [python, "-m", "PyInstaller", f"--{layout}", "--log-level=ERROR"]
        argv += [f"--paths={source}", f"--distpath={folder / layout}", *data, str(script)]
        subprocess.run(argv, cwd=folder, env=env, check=True)


def launch(contender: Contender) -> float:
    """Return the seconds from the launch of *contender* until its /health answers 200."""
    port = free_port()
    storage = tempfile.mkdtemp()
    env = contender.env | {"ARGO_STORAGE_PATH": storage, "HOME": storage, "ARGO_PORT": str(port)}
    argv = [part.replace("{port}", str(port)) for part in contender.argv]
    started = time.monotonic()
    process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while ask("GET", f"http://127.0.0.1:{port}/health", timeout=2)[0] != 200:
            if process.poll() is not None or time.monotonic() - started > 60:
                message = f"{contender.name} did not become healthy (exit {process.poll()})"
                raise SystemExit(message)
            time.sleep(0.005)
        return time.monotonic() - started
    finally:
        process.terminate()
        process.wait(15)
        shutil.rmtree(storage, ignore_errors=True)


def size_of(folder: Path) -> int:
    """Return the bytes of all files below *folder*."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
