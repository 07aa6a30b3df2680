"""Strangers' projects: frostline's own wheel in an empty environment, and no configuration."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from strangers import ANSWER, CLICK, FASTAPI, SCRIPT, Files, own_wheel, written

from frostline.core import platforms
from frostline.launch.instance import Instance, ask

ROOT = Path(__file__).resolve().parents[2]
HOST = platforms.host().name


def running(bundle: Path, folder: Path) -> str:
    """Return what the service of the bundle answers."""
    env = {"HOME": str(folder), "PATH": ""}
    with Instance([str(bundle / "big-shop")], env=env, cwd=folder, log=folder / "log") as instance:
        instance.wait_healthy(60)
        assert instance.wait_event("ready", 30)
        status, text = ask("GET", f"{instance.service_urls()['api']}/answer")
        instance.stop(30)
    assert status == 200
    return text


def printed(bundle: Path, folder: Path, *argv: str) -> str:
    """Return what a program of the bundle prints."""
    env = {"HOME": str(folder), "PATH": ""}
    line = [str(bundle / argv[0]), *argv[1:]]
    done = subprocess.run(line, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def programs(bundle: Path, folder: Path) -> str:
    """Return what both console scripts print."""
    assert printed(bundle, folder, "teller-admin") == f"admin: {ANSWER}\n"
    return printed(bundle, folder, "teller", "tell")


def script(bundle: Path, folder: Path) -> str:
    """Return what the script prints."""
    return printed(bundle, folder, "plain")


@pytest.fixture(scope="module")
def frostline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of frostline's own wheel, installed with pip into an empty environment."""
    folder = tmp_path_factory.mktemp("frostline")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(own_wheel(folder))], check=True)
    return python.with_name("frostline")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in *folder* outside of `build` and of git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in {"build", ".git"}
    }


def test_init_of_an_installed_frostline(tmp_path: Path, frostline: Path) -> None:
    """It needs nothing of this repository; `--dry-run` writes nothing."""
    (tmp_path / "main.py").write_text("print('hello')\n", encoding="utf-8")
    words = ["init", "--dry-run", "--github", "--nox", "--invoke"]
    done = subprocess.run(
        [str(frostline), *words], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    made = [line[6:] for line in done.stdout.splitlines() if line.startswith("+++ b/")]
    assert made == ["frostline.toml", ".github/workflows/freeze.yml", "noxfile.py", "tasks.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]


@pytest.mark.skipif(os.name == "nt", reason="an environment has other folders on Windows")
@pytest.mark.parametrize(
    ("name", "files", "asked"),
    [
        ("big-shop", FASTAPI, running), ("teller", CLICK, programs), ("plain", SCRIPT, script),
    ],
    ids=["FastAPI, hatchling", "click, setuptools", "a script"],
)  # fmt: skip
def test_good_without_configuration(
    tmp_path: Path, frostline: Path, name: str, files: Files, asked: Callable[[Path, Path], str]
) -> None:
    """The product is good, answers with all that it needs, and nothing but `build` is new."""
    project = written(tmp_path / name, files)
    before = contents(project)
    done = subprocess.run(
        [str(frostline), "build", "--json"], cwd=project, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["good"]
    assert asked(project / "build" / "output" / f"{name}-{HOST}", tmp_path).strip() == ANSWER
    assert contents(project) == before
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=project, check=True, stdout=subprocess.PIPE).stdout == b""
