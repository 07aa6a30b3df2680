"""argo as its users get it: frozen from a copy of this project, tested, and used."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
import verbs
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from samples import Samples, lay_out

from frostline.core import cache, platforms
from frostline.launch.instance import Instance, ask

SCRIPTS = Path(sys.executable).parent
NAME = f"argo-{platforms.host().name}"
# Without uv on PATH, so that venv and pip make the environment.
SYSTEM_PATH = os.pathsep.join(
    folder for folder in os.environ["PATH"].split(os.pathsep) if not shutil.which("uv", path=folder)
)


def frostline(project: Path, *arguments: str, **environ: str) -> str:
    """Run frostline in *project*; it must succeed. Return its standard output."""
    return verbs.output(project, *arguments, environ={**os.environ, **environ})


def report(project: Path, kind: str) -> dict[str, object]:
    """Return the report *kind* of argo."""
    path = project / "build" / "output" / f"{NAME}.{kind}.json"
    value: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return value


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this project with argo and its model server built."""
    return samples.copy(tmp_path_factory.mktemp("argo") / "one", "argo", "tinyllama")


@pytest.fixture(scope="module")
def executable(project: Path) -> Path:
    """Return the frozen argo."""
    return project / "build" / "output" / NAME / "argo"


@pytest.fixture
def running(executable: Path, tmp_path: Path) -> Iterator[Instance]:
    """Run argo without a model server, with a `.env` in its storage folder."""
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / ".env").write_text("ENABLE_MULTI_USER=true\n", encoding="utf-8")
    env = {"ARGO_STORAGE_PATH": str(storage), "HOME": str(tmp_path), "PATH": ""}
    env["NO_PROXY"] = "corp.example"
    log = tmp_path / "argo.log"
    with Instance([str(executable)], env=env, cwd=tmp_path, log=log) as instance:
        instance.wait_healthy(60)
        assert instance.wait_event("ready", 10)
        yield instance


@pytest.mark.product("A1")
def test_one_command_builds_it(project: Path) -> None:
    """After `build --product argo` alone, the executable is in the output folder."""
    assert os.access(project / "build" / "output" / NAME / "argo", os.X_OK)


def test_a_second_build_does_nothing(project: Path, executable: Path) -> None:
    """An unchanged product is not built again."""
    before = executable.stat().st_mtime_ns
    frostline(project, "build", "--freeze-only", "--product", "argo")
    assert executable.stat().st_mtime_ns == before


@pytest.mark.product("A3", "A4", "A8", "A10", "A11")
def test_smoke_finds_argo_good(project: Path) -> None:
    """The artifact is healthy, generates tokens with llama.cpp, and stops cleanly."""
    verdict = json.loads(frostline(project, "smoke", "--product", "argo", "--json"))
    assert verdict["ok"]
    assert {check["name"] for check in verdict["checks"]} >= {
        "a chat answered by the model",
        "a token count",
        "nothing is left",
    }
    assert verdict == report(project, "smoke")


@pytest.mark.product("A6", "A14")
def test_env_file_takes_effect(running: Instance) -> None:
    """`.env` in the storage folder overrides the bundle's defaults."""
    status, _ = ask("GET", running.service_urls()["api"] + "/api/conversations")
    assert status == 401


@pytest.mark.product("A5")
def test_environment_of_the_frozen_process(running: Instance) -> None:
    """The api has the profile's variables, with the folders of its bundle."""
    processes = psutil.Process(running.process.pid).children(recursive=True)
    found = (process.environ() for process in processes)
    api = next(environ for environ in found if environ.get("FROSTLINE_SERVICE") == "api")
    assert (api["USE_REMOTE_MODELS"], api["TOKENIZERS_PARALLELISM"]) == ("true", "false")
    bundle = Path(running.process.argv[0]).parent / "_internal"
    assert api["TIKTOKEN_CACHE_DIR"] == str(bundle / "resources" / "tiktoken")
    assert api["HUGGINGFACE_HUB_CACHE"] == str(bundle / "resources" / "huggingface")
    assert api["NO_PROXY"] == "corp.example,127.0.0.1,localhost,::1"


@pytest.mark.product("A11")
def test_without_a_model_server_chat_says_so(running: Instance) -> None:
    """Chat answers 503 with the reason; the artifact is healthy."""
    url = running.service_urls()["api"] + "/health"
    assert '"model":{"status":"not configured"' in ask("GET", url)[1]
    ready = running.event("ready")
    assert ready
    assert "DISABLED" in [facts.state for facts in ready.services.values()]


def test_it_does_what_the_source_does(project: Path) -> None:
    """Routes, responses, exit codes and entry points equal the source's."""
    assert "behaves like the source" in frostline(project, "parity", "--product", "argo")


def test_the_audit_finds_nothing_against_it(project: Path) -> None:
    """The audit with the committed evidence has no findings."""
    report_ = json.loads(frostline(project, "audit", "--product", "argo", "--json"))
    assert report_["ok"]
    assert {f["id"] for f in report_["findings"] if f["severity"] == "error"} == set()


def test_sigterm_stops_everything(running: Instance) -> None:
    """On SIGTERM the artifact exits with code 0 and leaves nothing."""
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.process.wait(20) == 0
    stopped = running.wait_event("stopped", 5)
    assert stopped
    assert stopped.clean
    assert ask("GET", running.health_url)[0] == 0


def test_foreign_host_header_is_refused(running: Instance) -> None:
    """A web page cannot read the health under another host name."""
    connection = HTTPConnection("127.0.0.1", running.port, timeout=5)
    connection.request("GET", "/health", headers={"Host": f"evil.example:{running.port}"})
    assert connection.getresponse().status == 403
    connection.close()


def test_console_script_runs_inside(executable: Path, tmp_path: Path) -> None:
    """`argo run alembic` runs alembic with argo's migrations."""
    config = executable.parent / "_internal" / "argo" / "alembic.ini"
    env = {"ARGO_STORAGE_PATH": str(tmp_path), "HOME": str(tmp_path)}
    argv = [str(executable), "run", "alembic", "-c", str(config), "upgrade", "head"]
    subprocess.run(argv, env=env, check=True, cwd=tmp_path)
    assert list(tmp_path.glob("*.db")) + list(tmp_path.glob("*.sqlite*"))


def test_selftest_finds_a_changed_file(executable: Path, tmp_path: Path) -> None:
    """The self-test names a changed file and exits with code 3."""
    copy = shutil.copytree(executable.parent, tmp_path / "argo", symlinks=True)
    (copy / "_internal" / "argo" / "web" / "app.js").write_text("changed", encoding="utf-8")
    env = {"HOME": str(tmp_path)}
    argv = [str(copy / "argo"), "selftest", "--json"]
    done = subprocess.run(argv, env=env, check=False, stdout=subprocess.PIPE)
    assert done.returncode == 3
    assert [item["subject"] for item in json.loads(done.stdout)["findings"]] == ["argo/web/app.js"]


def test_taken_control_port(running: Instance, executable: Path, tmp_path: Path) -> None:
    """A taken fixed control port gives exit code 76 and names its owner."""
    env = {"HOME": str(tmp_path), "ARGO_STORAGE_PATH": str(tmp_path / "other")}
    argv = [str(executable), "--port", str(running.port)]
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 76
    assert f"port {running.port} is taken by argo" in done.stderr


def test_onefile_is_good_too(samples: Samples, tmp_path: Path) -> None:
    """The onefile layout passes the same tests and leaves no temporary folder."""
    project = samples.copy(tmp_path / "p", "argo-onefile", "tinyllama")
    verdict = json.loads(
        frostline(project, "smoke", "--product", "argo", "--layout", "onefile", "--json")
    )
    assert verdict["ok"]


def test_the_bill_names_what_is_compiled_in(project: Path) -> None:
    """The bill names the crates in pydantic-core (PEP 770) with licences."""
    bill = Path(frostline(project, "sbom", "--product", "argo").splitlines()[0]).read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    parts = {part["name"]: part for part in json.loads(bill)["components"]}
    inside = {part["purl"] for part in parts["pydantic-core"]["components"]}
    assert any(url.startswith("pkg:cargo/pyo3@") for url in inside)
    assert len(inside) > 50


def installer(project: Path, **environ: str) -> str:
    """Return what has installed the distributions that argo is frozen from: pip or uv."""
    made = json.loads(frostline(project, "prepare", "--product", "argo", "--json", **environ))
    packages = Path(made["environment"]).parents[1].glob("lib/python3*/site-packages")
    found = {file.read_text("utf-8").strip() for file in next(packages).glob("*/INSTALLER")}
    assert len(found) == 1
    return found.pop()


def test_bundles_are_bit_identical(project: Path, tmp_path: Path) -> None:
    """The bundle does not depend on the project's folder, the cache's folder or the installer."""
    tools = tmp_path / "bin"
    tools.mkdir()
    uv = shutil.which("uv", path=str(SCRIPTS))
    assert uv, "the tests' lock brings uv"
    (tools / Path(uv).name).symlink_to(uv)
    paths = {"pip": SYSTEM_PATH, "uv": f"{tools}{os.pathsep}{SYSTEM_PATH}"}
    (expected,) = paths.keys() - {installer(project)}
    other = lay_out("ours", tmp_path / "another and longer folder")
    environ = {"PATH": paths[expected], cache.VARIABLE: str(tmp_path / "cache")}
    frostline(other, "build", "--freeze-only", "--product", "argo", **environ)
    assert report(other, "bundle")["files"] == report(project, "bundle")["files"]
    assert installer(other, **environ) == expected
