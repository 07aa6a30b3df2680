"""Builds a stranger's project, with frostline and with plain PyInstaller, and asks both."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import projects
from choice import Triple
from kinds import ANSWER, KINDS, NAME, Kind
from requests_of_kinds import environment

from frostline.core import platforms
from frostline.launch.instance import Instance, free_port

ROOT = Path(__file__).resolve().parents[2]
HOST = platforms.host().name


def install(folder: Path) -> Path:
    """Install frostline's own wheel with pip into an empty environment in *folder*.

    Returns its command.
    """
    python = _environment(folder / "env")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(own_wheel(folder))], check=True)
    return python.with_name("frostline")


def own_wheel(folder: Path) -> Path:
    """Return frostline's own wheel, built into *folder*."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


def prove(project: Path, triple: Triple, frostline: Path) -> None:
    """Build the project with the command *frostline*; fail if anything is not as it must be."""
    kind = KINDS[triple[0]]
    before = projects.contents(project)
    started = time.monotonic()
    done = subprocess.run(
        [str(frostline), "build", "--json"], cwd=project, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    sys.stdout.write(f"{', '.join(triple)}: {(time.monotonic() - started) / 60:.1f} min\n")
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["good"]
    bundle = project / "build" / "output" / f"{NAME}-{HOST}"
    folder = project.parent / "home"
    folder.mkdir()
    for argv in kind.commands:
        assert _printed([str(bundle / argv[0]), *argv[1:]], folder) == ANSWER
    if kind.asked:
        with _instance(bundle, folder) as url:
            assert kind.asked(url, folder).strip() == ANSWER
    assert projects.contents(project) == before
    assert projects.status(project) == ""


def plain(project: Path, triple: Triple) -> bool:
    """Return whether the artifact of plain PyInstaller gives the same answer.

    It is made as its first page says: in an environment with the project and what it needs,
    without options, from the script that starts the project.
    """
    kind = KINDS[triple[0]]
    copy = project.parent / "plain" / NAME
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("build", ".git"))
    python = _environment(copy.parent / "env")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    own = [] if triple[1] == "none" else [str(copy)]
    needs = [*kind.needs, *kind.needs_of_launcher, "pyinstaller"]
    subprocess.run([*uv, *needs, *own], check=True)
    script = kind.launcher
    if "\n" in script:
        script = "launch.py"
        (copy / script).write_text(kind.launcher, encoding="utf-8")
    argv = [str(python.with_name("pyinstaller")), "--noconfirm", script]
    if subprocess.run(argv, cwd=copy, check=False, capture_output=True).returncode:
        return False
    name = Path(script).stem
    program = copy / "dist" / name / name
    folder = copy.parent / "home"
    folder.mkdir()
    try:
        return _answer_of(program, kind, folder) == ANSWER
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError):
        return False


def _answer_of(program: Path, kind: Kind, folder: Path) -> str:
    """Return what an artifact of plain PyInstaller answers; OSError and the like if nothing."""
    if kind.asked is None:
        return _printed([str(program), *kind.commands[0][1:]], folder)
    port = free_port()
    env = environment(folder) | {"PORT": str(port)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(program)], cwd=folder, env=env, stdout=log, stderr=log)
    try:
        return _asked_in_time(kind, f"http://127.0.0.1:{port}", folder, process)
    finally:
        process.kill()
        process.wait()


def _asked_in_time(kind: Kind, url: str, folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the answer of the service, which takes a while to start."""
    assert kind.asked
    deadline = time.monotonic() + 60
    while True:
        try:
            return kind.asked(url, folder).strip()
        except (AssertionError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def _instance(bundle: Path, folder: Path) -> Iterator[str]:
    """Run the frozen services; yield the address of the one with a port, "" if there is none."""
    env = environment(folder)
    program = [str(bundle / NAME)]
    with Instance(program, env=env, cwd=folder, log=folder / "log") as instance:
        instance.wait_healthy(60)
        assert instance.wait_event("ready", 30)
        yield next(iter(instance.service_urls().values()), "")
        instance.stop(30)


def _printed(argv: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        argv, env=environment(folder), cwd=folder, check=True, stdout=subprocess.PIPE, text=True,
        timeout=120,
    )  # fmt: skip
    return done.stdout.strip()


def _environment(folder: Path) -> Path:
    """Make an empty environment in *folder*; return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    return scripts / f"python{'.exe' if os.name == 'nt' else ''}"
