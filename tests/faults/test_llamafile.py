"""Old and new llamafiles, and files that are fetched first, with the real supervisor (L1-L7).

The stand-in imitates both kinds of versions; its header is one that execve refuses.
"""

import sys

assert sys.platform == "linux"  # faults can be injected there only

import json
import os
import socket
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from faulty_http import Exchange, FaultyServer
from harness import PROBE, Artifact, Launch, bundle, service

from frostline_runtime.artifact.manifest import ModelServer, Resource, Service, When

STANDIN = Path(__file__).with_name("standin.py")
LLM = Service(name="llm", kind="llamafile", required=False, startup=PROBE)


def llamafile(folder: Path, line: str, *more: str) -> Path:
    """Write a llamafile of *line*: an APE, which only a shell can start."""
    path = folder / f"{line}.llamafile"
    words = " ".join([sys.executable, "-S", str(STANDIN), line, *more])
    path.write_text(f"MZqFpD='\n'\nexec {words} \"$@\"\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def model(folder: Path) -> Path:
    """Write a model that is complete: it has no tensors."""
    path = folder / "m.gguf"
    path.write_bytes(b"GGUF\3\0\0\0" + bytes(16))
    return path


@pytest.mark.product("L4")
@pytest.mark.parametrize("line", ["old", "new"])
def test_both_kinds_of_versions(line: str, launch: Launch, tmp_path: Path) -> None:
    """A server of either kind becomes ready; each would end at an argument of the other kind."""
    server = ModelServer(executable=str(llamafile(tmp_path, line)), model=str(model(tmp_path)))
    artifact = launch(LLM, server=server, env={"LLAMA_ARG_PORT": "1", "AIP_HTTP_PORT": "2"})
    artifact.wait_for("ready", 30)
    health = artifact.health()["services"]["llm"]
    assert (health["state"], health["launch"], health["restarts"]) == ("READY", "llamafile", 0)
    argv = psutil.Process(health["pid"]).cmdline()
    assert ("--nobrowser" in argv) == (line == "old")
    home = artifact.place / "model-server" / "home"
    assert (home / ".llamafile").exists()
    assert not (tmp_path / ".llamafile").exists()
    assert (home.parent / "tmp" / ".ape-1.10").exists()
    lines = " ".join(text for _, text in _output(artifact))
    assert f"model server: {line}.llamafile: llamafile v0." in lines


def _output(artifact: Artifact) -> list[tuple[int, str]]:
    status, body = artifact.request("GET", "/api/logs?service=llm")
    assert status == 200
    return [(line["number"], line["text"]) for line in json.loads(body)["lines"]]


@pytest.mark.product("L3")
def test_the_second_start_knows_the_files(launch: Launch, tmp_path: Path) -> None:
    """A second start examines nothing again as long as no file has changed."""
    path = str(llamafile(tmp_path, "new"))
    server = ModelServer(executable=path, model=str(model(tmp_path)))
    first = launch(LLM, server=server)
    first.wait_for("ready", 30)
    facts = first.place / "model-server" / "prepared.json"
    before = facts.stat().st_mtime_ns
    assert first.stop() == 0
    second = launch(LLM, server=server)
    second.wait_for("ready", 30)
    assert facts.stat().st_mtime_ns == before
    assert "model server:" not in " ".join(text for _, text in _output(second))


@pytest.mark.product("L6")
@pytest.mark.parametrize("line", ["old", "new"])
def test_a_long_load(line: str, launch: Launch, tmp_path: Path) -> None:
    """Refused (old) and 503 (new) mean not yet; there is no restart."""
    path = llamafile(tmp_path, line)
    server = ModelServer(executable=str(path), model=str(model(tmp_path)))
    artifact = launch(LLM, server=server, env={"LOADING": "1.5"})
    artifact.wait_for("ready", 30)
    facts = artifact.health()["services"]["llm"]
    assert (facts["state"], facts["restarts"]) == ("READY", 0)


@pytest.mark.product("L6")
def test_a_server_without_any_model(launch: Launch, tmp_path: Path) -> None:
    """The new version answers ok without a model; it does not become ready."""
    server = ModelServer(executable=str(llamafile(tmp_path, "new", "--gpu disable")))
    broken = replace(LLM, start_timeout=2.0, restart="never")
    artifact = launch(broken, service("main"), server=server)
    event = artifact.wait_state("llm", "FAILED", 30)
    assert event["detail"].endswith("/v1/models: it runs, but has loaded no model")
    assert artifact.health()["services"]["main"]["state"] == "READY"


@pytest.mark.product("L6")
@pytest.mark.parametrize("line", ["old", "new"])
def test_a_port_that_is_taken_meanwhile(line: str, launch: Launch, tmp_path: Path) -> None:
    """The old version takes the next port, the new one ends: both get a new port."""
    path = llamafile(tmp_path, line)
    once = tmp_path / "once"
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        taken = stranger.getsockname()[1]
        text = path.read_text(encoding="utf-8")
        trap = f"[ -e {once} ] || {{ touch {once}; export TAKEN={taken}; }}"
        trap = f'[ "$1" = --version ] || {trap}'
        path.write_text(text.replace("\nexec", f"\n{trap}\nexec"), encoding="utf-8")
        server = ModelServer(executable=str(path), model=str(model(tmp_path)))
        artifact = launch(LLM, server=server)
        artifact.wait_for("ready", 30)
        assert once.exists()
        facts = artifact.health()["services"]["llm"]
        # Another port is tried at once, and does not count as a failure.
        assert (facts["state"], facts["restarts_10m"]) == ("READY", 0)
        owners = [c for c in psutil.Process(facts["pid"]).net_connections() if c.status == "LISTEN"]
        assert f":{owners[0].laddr.port}" in facts["url"]


@pytest.mark.product("L7")
def test_known_errors_are_explained(launch: Launch, tmp_path: Path) -> None:
    """A server that ends at an argument of the profile gets an explanation."""
    path = llamafile(tmp_path, "new")
    server = ModelServer(executable=str(path), arguments=("--nobrowser",))
    artifact = launch(replace(LLM, restart="never"), server=server)
    event = artifact.wait_state("llm", "FAILED", 30)
    meaning = "this version does not know one of the arguments that it was given"
    assert event["detail"] == f"exited with code 1: {meaning}"
    fatal = artifact.wait_for("degraded")
    assert fatal["tail"][-1] == "error: invalid argument: --nobrowser"


@pytest.mark.product("L3")
def test_a_bad_file_is_named_and_not_tried_again(launch: Launch, tmp_path: Path) -> None:
    """A server is never started with an incomplete model."""
    bad = tmp_path / "m.gguf"
    bad.write_bytes(b"GGUF\3\0\0\0" + b"\1" + bytes(15))
    server = ModelServer(executable=str(llamafile(tmp_path, "new")), model=str(bad))
    artifact = launch(LLM, server=server)
    event = artifact.wait_state("llm", "FAILED", 30)
    assert event["detail"] == "m.gguf is damaged: it claims 1 tensors."
    assert event["attempt"] == 1


# Files that are fetched on the user's machine (L2)


def resource(url: str, data: bytes, when: When = "first-run") -> Resource:
    """Return the resource that has *data* at *url*."""
    import hashlib  # noqa: PLC0415  # for this test only

    return Resource(
        name="m", urls=(url,), destination="models/m.gguf", when=when, size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def big_model() -> bytes:
    """Return a complete model of some size."""
    return b"GGUF\3\0\0\0" + bytes(16) + bytes(3_000_000)


@pytest.mark.product("L1", "L2")
def test_a_model_is_fetched_at_first_run(launch: Launch, tmp_path: Path) -> None:
    """Progress is announced, other services start, and a kill does not lose the bytes."""
    data, go_on, held = big_model(), threading.Event(), threading.Event()

    def slow(exchange: Exchange) -> None:
        body = exchange.offer(content=data)
        if not exchange.start:
            exchange.body(body[:1_000_000])
            held.set()
            exchange.wait_for_client()
            return
        exchange.body(body[:500_000])
        go_on.wait(30)
        exchange.body(body[500_000:])

    with FaultyServer(slow) as files:
        server = ModelServer(
            executable=str(llamafile(tmp_path, "new")), model="{storage}/models/m.gguf"
        )
        model = resource(files.url(), data)
        first = launch(LLM, service("main"), server=server, resources=(model,))
        first.wait_for("service", 30, name="llm", detail="fetching m")
        ready = first.wait_for("ready", 30)
        assert ready["services"]["main"]["state"] == "READY"
        assert first.health()["status"] == "degraded"
        assert held.wait(30)
        part = tmp_path / "storage" / "models" / "m.gguf.part"
        while part.stat().st_size < 1_000_000:
            pass
        first.process.kill()
        first.wait()
        first.close()
        second = launch(LLM, service("main"), server=server, resources=(model,))
        progress = second.wait_for("service", 30, name="llm", detail="fetching m")["progress"]
        assert 0.33 < progress <= 1.0
        assert second.health()["services"]["llm"]["launch"] == "prepare"
        go_on.set()
        second.wait_state("llm", "READY", 30)
        assert second.health()["status"] == "ok"
        assert [exchange.start for exchange in files.exchanges] == [0, 1_000_000]


@pytest.mark.product("L2")
def test_stopping_while_a_model_is_fetched(launch: Launch, tmp_path: Path) -> None:
    """The artifact stops in time, and the download ends."""
    data = big_model()

    def stuck(exchange: Exchange) -> None:
        exchange.body(exchange.offer(content=data)[:1000])
        exchange.wait_for_client()

    with FaultyServer(stuck) as files:
        path = str(llamafile(tmp_path, "new"))
        server = ModelServer(executable=path, model="{storage}/models/m.gguf")
        artifact = launch(LLM, server=server, resources=(resource(files.url(), data),))
        artifact.wait_for("service", 30, name="llm", detail="fetching m")
        artifact.request("POST", "/api/services/llm/stop")
        artifact.wait_state("llm", "STOPPED", 10)
        artifact.request("POST", "/api/services/llm/start")
        artifact.wait_for("service", 30, name="llm", detail="fetching m")
        assert artifact.stop() == 0


@pytest.mark.product("L2")
def test_a_model_that_cannot_be_fetched(launch: Launch, tmp_path: Path) -> None:
    """A failed download is tried again with growing delays, and the reason is announced."""
    with FaultyServer(lambda exchange: exchange.head(404, Content_Length=0)) as files:
        path = str(llamafile(tmp_path, "new"))
        server = ModelServer(executable=path, model="{storage}/models/m.gguf")
        artifact = launch(
            LLM, service("main"), server=server, resources=(resource(files.url(), big_model()),)
        )
        event = artifact.wait_state("llm", "BACKOFF", 30)
        assert event["detail"].startswith(f"m could not be fetched: {files.url()}: it answered 404")
        assert artifact.health()["services"]["main"]["state"] == "READY"


@pytest.mark.product("L2")
def test_model_pull(launch: Launch, tmp_path: Path) -> None:
    """Without the file the server is off; `model pull` fetches it for the next start."""
    data = big_model()
    with FaultyServer(lambda exchange: exchange.body(exchange.offer(content=data))) as files:
        path = str(llamafile(tmp_path, "new"))
        server = ModelServer(executable=path, model="{storage}/models/m.gguf")
        asked = (resource(files.url(), data, "asked"),)
        artifact = launch(LLM, service("main"), server=server, resources=asked)
        ready = artifact.wait_for("ready", 30)
        assert ready["services"]["llm"]["state"] == "DISABLED"
        assert artifact.health()["status"] == "ok"
        assert files.exchanges == []
        env = bundle(tmp_path, LLM, service("main"), server=server, resources=asked)

        def model(*arguments: str) -> tuple[int, str]:
            done = subprocess.run(
                [sys.executable, "-m", "frostline_runtime.entry", "model", *arguments],
                env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )  # fmt: skip
            return done.returncode, done.stdout

        place = tmp_path / "storage" / "models" / "m.gguf"
        code, said = model("list")
        assert (code, said.split()[:2]) == (0, ["m", "missing"])
        assert " MB free in " in said
        assert model("check") == (0, "m: not there\n")
        code, said = model("pull")
        assert code == 0
        assert f"m: {len(data)} of {len(data)} bytes (100 %)" in said
        assert f"m: fetched: {place}" in said
        assert "The running faulty uses it after a restart." in said
        assert model("pull", "m")[1].startswith("m: was there already")
        assert json.loads(model("list", "--json")[1])["models"][0]["state"] == "there"
        assert model("check") == (0, "m: good\n")
        assert artifact.stop() == 0
        again = launch(LLM, service("main"), server=server, resources=asked)
        again.wait_state("llm", "READY", 30)
        place.write_bytes(b"x" * len(data))
        code, said = model("check")
        assert (code, said) == (
            3,
            "m: is not what it should be: `faulty model remove m`, then pull it again\n",
        )
        assert model("remove")[0] == 2
        assert model("remove", "m") == (0, f"m: removed: {place}\n")
        assert not [path for path in place.parent.iterdir() if not path.name.startswith(".")]
        assert model("pull", "other")[0] == 2
        files.behave = lambda exchange: exchange.head(404, Content_Length=0)
        code, said = model("pull")
        assert code == 69
        assert "m could not be fetched" in said


@pytest.mark.product("L7")
def test_a_key_for_the_model_server(launch: Launch, tmp_path: Path) -> None:
    """The server gets it in a file, other services in a variable, no command line has it."""
    addresses = {"LLM_URL": "{url}", "LLM_KEY": "{key}"}
    server = ModelServer(
        executable=str(llamafile(tmp_path, "new")), model=str(model(tmp_path)), addresses=addresses
    )
    artifact = launch(LLM, service("main"), server=server)
    artifact.wait_for("ready", 30)
    services = artifact.health()["services"]
    key = (artifact.place / "model-server" / "key").read_text(encoding="ascii").strip()
    assert len(key) == 48
    environ = psutil.Process(services["main"]["pid"]).environ()
    assert (environ["LLM_KEY"], environ["LLM_URL"]) == (key, services["llm"]["url"])
    for process in psutil.Process(os.getpid()).children(recursive=True):
        assert key not in " ".join(process.cmdline())
