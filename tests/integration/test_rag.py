"""rag as its users get it: an API, a worker, a model server, four console scripts."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import verbs
from samples import Samples

from frostline.core import platforms
from frostline.launch.instance import Instance, ask, free_port

ROOT = Path(__file__).resolve().parents[2]
NAME = f"rag-{platforms.host().name}"


def frostline(project: Path, *arguments: str) -> str:
    """Run frostline in *project*; it must succeed. Return its standard output."""
    return verbs.output(project, *arguments, "--product", "rag")


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this project with rag and its model server built."""
    return samples.copy(tmp_path_factory.mktemp("rag") / "project", "rag", "tinyllama")


@pytest.fixture(scope="module")
def executable(project: Path) -> Path:
    """Return the frozen rag."""
    return project / "build" / "output" / NAME / "rag"


@pytest.mark.product("R6", "R7")
def test_it_is_good(project: Path) -> None:
    """The product is frozen, pruned, audited, smoke-tested and compared with its source."""
    verdict = json.loads(frostline(project, "smoke", "--json"))
    assert verdict["ok"], verdict
    names = {check["name"] for check in verdict["checks"]}
    assert {"a document is embedded", "and found", "ready", "killed itself"} <= names
    assert json.loads(frostline(project, "audit", "--json"))["ok"]
    assert "behaves like the source" in frostline(project, "parity")


@pytest.mark.product("R6")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("alembic", "--version"), "alembic"),
        (("uvicorn", "--version"), "Running uvicorn"),
        (("celery", "--version"), "5."),
        (("flower", "--help"), "monitoring"),
    ],
)
def test_its_programs(
    executable: Path, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    """Each console script runs in the artifact, with nothing else on PATH."""
    env = {"HOME": str(tmp_path), "RAG_STORAGE_PATH": str(tmp_path / "storage"), "PATH": ""}
    argv = [str(executable), "run", *arguments]
    done = subprocess.run(argv, env=env, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert expected in done.stdout


@pytest.mark.product("R6")
def test_alembic_migrates(executable: Path, tmp_path: Path) -> None:
    """`rag run alembic upgrade head` makes the tables, downgrade removes them."""
    env = {"HOME": str(tmp_path), "RAG_STORAGE_PATH": str(tmp_path / "storage")}

    def tables() -> set[str]:
        with contextlib.closing(sqlite3.connect(tmp_path / "storage" / "rag.db")) as database:
            found = database.execute("select name from sqlite_master where type = 'table'")
            return {name for (name,) in found}

    argv = [str(executable), "run", "alembic"]
    subprocess.run([*argv, "upgrade", "head"], env=env, check=True, cwd=tmp_path)
    assert {"documents", "pieces", "alembic_version"} <= tables()
    subprocess.run([*argv, "downgrade", "base"], env=env, check=True, cwd=tmp_path)
    assert "documents" not in tables()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """Run a real Redis on this machine and return its address."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("needs a Redis server (Debian: redis-server)")
    port = free_port()
    argv = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


def model_server(project: Path) -> str:
    """Return the model server that the smoke test built."""
    return str(project / "build" / "output" / f"tinyllama-{platforms.host().name}" / "tinyllama")


def test_with_redis_as_its_queue(
    project: Path, executable: Path, redis: str, tmp_path: Path
) -> None:
    """A Redis queue works, whose module traces do not show."""
    env = {
        "HOME": str(tmp_path), "RAG_STORAGE_PATH": str(tmp_path / "storage"), "PATH": "",
        "RAG_BROKER_URL": redis, "RAG_LLAMAFILE": model_server(project),
    }  # fmt: skip
    log = tmp_path / "rag.log"
    with Instance([str(executable)], env=env, cwd=tmp_path, log=log) as instance:
        instance.wait_healthy(60)
        assert instance.wait_event("ready", 30)
        url = instance.service_urls()["api"]
        document = {"title": "Frost", "text": "It is cold.", "wait": 30}
        status, text = ask("POST", f"{url}/documents", body=document)
        assert status == 201, text
        assert not list((tmp_path / "storage").glob("queue/messages/*"))
        assert ask("GET", f"{url}/ready")[0] == 200
        instance.stop(30)


@pytest.mark.product("R7")
def test_without_a_model_server(executable: Path, tmp_path: Path) -> None:
    """The product lives, is not ready, and says why; a document fails."""
    env = {"HOME": str(tmp_path), "RAG_STORAGE_PATH": str(tmp_path / "storage"), "PATH": ""}
    with Instance([str(executable)], env=env, cwd=tmp_path, log=tmp_path / "log") as instance:
        instance.wait_healthy(60)
        assert instance.wait_event("ready", 30)
        url = instance.service_urls()["api"]
        assert ask("GET", f"{url}/live")[0] == 200
        status, text = ask("GET", f"{url}/ready")
        assert (status, json.loads(text)["problems"]) == (503, {"model": "not configured"})
        status, text = ask("POST", f"{url}/documents", body={"title": "x", "text": "y", "wait": 20})
        assert status == 503
        assert "OPENAI_BASE_URL" in text
        instance.stop(30)
    assert os.listdir(tmp_path / "storage")  # noqa: PTH208  # it is not empty
