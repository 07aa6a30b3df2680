"""`invoke llamafile` and `invoke resources` with a real engine (L1-L8)."""

import functools
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import psutil
import pytest
from processes import alive
from samples import Samples
from verbs import FROSTLINE, run

from frostline.core import platforms
from frostline.launch.instance import Instance, ask

ROOT = Path(__file__).resolve().parents[2]
ECHO = ROOT / "tests" / "products" / "echo"
STANDIN = ROOT / "tests" / "faults" / "standin.py"
HOST = platforms.host().name


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this project with tinyllama built."""
    return samples.copy(tmp_path_factory.mktemp("llamafile") / "project", "tinyllama")


@pytest.fixture(scope="module")
def model(project: Path) -> Path:
    """Return tinyllama's model."""
    return project / "build" / "work" / f"tinyllama-{HOST}" / "model" / "model.gguf"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without logging."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder; return it and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Start(Protocol):
    """Starts `frostline llamafile`."""

    def __call__(self, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, object]]:
        """Return the process and its output once it is ready."""


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Return a function that starts `frostline llamafile` and returns its output once ready."""
    started: list[subprocess.Popen[str]] = []
    # Background jobs of a shell ignore Ctrl-C, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def begin(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, object]]:
        process = subprocess.Popen(
            [FROSTLINE, "llamafile", *arguments, "--json"], cwd=project, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout
        lines: list[str] = []
        while (line := process.stdout.readline()) and line != "}\n":
            lines.append(line)
        assert line, process.communicate()[1]
        return process, json.loads("".join([*lines, line]))

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.product("L1", "L7")
def test_a_model_is_served_until_ctrl_c(start: Start, model: Path) -> None:
    """Real tokens come; Ctrl-C gives exit code 0 and leaves nothing."""
    limits = ("--n-predict", "5", "--ctx-size", "256", "--gpu-layers", "3")
    process, facts = start("--base", "tinyllama", "--model", str(model), *limits)
    assert facts["model"] == "model.gguf"
    body = {"messages": [{"role": "user", "content": "hello"}]}
    status, text = ask("POST", f"{facts['url']}/v1/chat/completions", body=body)
    assert status == 200
    assert json.loads(text)["usage"]["completion_tokens"] == 5
    argv = psutil.Process(int(str(facts["pid"]))).cmdline()
    assert argv[argv.index("-c") + 1] == "256"
    assert argv[argv.index("-ngl") + 1] == "3"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert said.rstrip().endswith("stopped")
    assert alive([int(str(facts["pid"]))]) == []


@pytest.mark.product("L1")
def test_killed_it_leaves_nothing(start: Start, model: Path) -> None:
    """The model server ends when the verb is killed."""
    process, facts = start("--base", "tinyllama", "--model", str(model))
    server = psutil.Process(int(str(facts["pid"])))
    process.kill()
    assert alive([server], timeout=10) == []


@pytest.mark.product("L1", "L2")
def test_an_address_that_is_not_pinned(
    start: Start, project: Path, model: Path, served: tuple[Path, str]
) -> None:
    """Without a terminal it is refused; `--yes` fetches it, once."""
    folder, url = served
    shutil.copy(model, folder / "other.gguf")
    address = f"{url}/other.gguf"
    done = run(project, "llamafile", "--base", "tinyllama", "--model", address)
    assert done.returncode == 2
    assert f"{address} is not pinned and was not fetched" in done.stderr
    assert "add --yes" in done.stderr
    process, facts = start("--base", "tinyllama", "--model", address, "--yes")
    assert facts["model"] == "other.gguf"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    kept = project / "build" / "cache" / "models" / "other.gguf"
    assert kept.read_bytes() == model.read_bytes()


@pytest.mark.product("L1", "L7")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--model nothing.gguf", 2, "there is no file nothing.gguf"),
        ("--model smollm3", 2, 'Did you mean "smollm2"'),
        ("--model http://127.0.0.1/x.zip", 2, "is not the address of a .llamafile or .gguf"),
        ("--base argo --model MODEL", 2, "the product argo is not built yet"),
        ("--host 0.0.0.0", 2, "0.0.0.0 would make the model server reachable"),
        ("--base tinyllama --port 70000", 2, "70000 is not a port"),
        ("--base tinyllama --ctx-size -1", 2, "--ctx-size: -1 is too small"),
        ("--base tinyllama --args '\"'", 2, "--args: No closing quotation"),
        ("--base tinyllama --args=--bad", 3, "does not know one of the arguments"),
        ("--base tinyllama --model specs/argo.toml", 3, "argo.toml is not a GGUF model"),
        ("--pack MODEL --base tinyllama", 2, "--pack needs --out"),
        ("--inspect specs/argo.toml", 2, "neither a llamafile nor a model"),
        ("--offline", 8, "nothing may be fetched, but these resources are missing:"),
    ],
)
def test_what_cannot_be_served(
    words: str, code: int, said: str, project: Path, model: Path
) -> None:
    """Each mistake gives one clear message and an exit code."""
    import shlex  # noqa: PLC0415  # only here

    arguments = [str(model) if word == "MODEL" else word for word in shlex.split(words)]
    done = run(project, "llamafile", *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


@pytest.mark.product("L7")
def test_a_port_that_is_taken(start: Start, project: Path, model: Path) -> None:
    """The message names the process that has the port."""
    _, facts = start("--base", "tinyllama", "--model", str(model))
    port = str(facts["url"]).rpartition(":")[2]
    done = run(project, "llamafile", "--base", "tinyllama", "--port", port)
    assert done.returncode == 3
    assert f"port {port} is taken by tinyllama (pid {facts['pid']})" in done.stderr


@pytest.mark.product("L8")
def test_packed_and_looked_into(project: Path, model: Path, tmp_path: Path) -> None:
    """Packing twice gives the same bytes; existing files are not replaced."""
    outs = [tmp_path / "a.llamafile", tmp_path / "b.llamafile"]
    for out in outs:
        done = run(
            project, "llamafile", "--pack", str(model), "--base", "tinyllama", "--args", "-c 512",
            "--out", str(out), "--json",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        held = json.loads(done.stdout)
        assert held["arguments"] == ["-m", "/zip/model.gguf", "-c", "512", "..."]
        assert held["models"][0]["mappable"]
        assert held["models"][0]["problem"] == ""
    assert outs[0].read_bytes() == outs[1].read_bytes()
    again = run(
        project, "llamafile", "--pack", str(model), "--base", "tinyllama", "--out", str(outs[0])
    )
    assert again.returncode == 2
    assert "already exists" in again.stderr
    shown = run(project, "llamafile", "--inspect", str(outs[0]))
    assert "tinyllama" in shown.stdout
    assert shown.returncode == 0


# Resources


def entry(name: str, url: str, data: bytes, more: str) -> str:
    """Return an entry of resources.toml."""
    return (
        f'[[resources]]\nname = "{name}"\nversion = "1"\nurl = "{url}"\nsize = {len(data)}\n'
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\nlicence = "MIT"\n{more}\n'
    )


def archive() -> bytes:
    """Return an archive with a tool."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        data = b"#!/bin/sh\necho node\n"
        info = tarfile.TarInfo("node-v1/bin/node")
        info.size, info.mode = len(data), 0o755
        tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="uses shell scripts as stand-ins")
@pytest.mark.product("A7", "L1", "L2")
def test_resources_of_a_product(tmp_path: Path, served: tuple[Path, str]) -> None:
    """One resource is bundled and executable, one is fetched at first run."""
    folder, url = served
    tool = archive()
    server = f'#!/bin/sh\nexec {sys.executable} -S {STANDIN} old "$@"\n'.encode()
    (folder / "node.tar.gz").write_bytes(tool)
    (folder / "server").write_bytes(server)
    project = Path(shutil.copytree(ECHO, tmp_path / "project"))
    profile = project / "specs" / "echo.toml"
    text = profile.read_text(encoding="utf-8")
    text = 'resources = ["node", "server"]\n' + text.replace(
        "[model_server]", '[model_server]\nexecutable = "{storage}/models/server"'
    ).replace("[smoke]", '[storage]\nvariable = "ECHO_STORAGE"\ndefault = "~/echo"\n\n[smoke]')
    profile.write_text(text.replace("start_timeout = 2", "start_timeout = 20"), encoding="utf-8")
    unpack = 'unpack = "tar"\nstrip = 1\nmembers = ["bin/node"]\ndestination = "resources/node"'
    first = 'executable = true\ndestination = "models/server"\nwhen = "first-run"'
    pins = project / "resources" / "resources.toml"
    pins.parent.mkdir()
    pins.write_text(
        "schema = 1\n"
        + entry("node", f"{url}/node.tar.gz", tool, unpack)
        + entry("server", f"{url}/server", server, first),
        encoding="utf-8",
    )
    done = run(project, "build", "--freeze-only", "--product", "echo")
    assert done.returncode == 0, done.stderr
    bundle = project / "build" / "output" / f"echo-{HOST}"
    node = bundle / "_internal" / "resources" / "node" / "bin" / "node"
    assert subprocess.run([node], check=True, capture_output=True).stdout == b"node\n"
    listed = json.loads(run(project, "resources", "--json").stdout)
    assert [row["state"] for row in listed] == ["there", "missing"]

    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "ECHO_STORAGE": str(tmp_path / "s")}
    argv = [str(bundle / "echo")]
    with Instance(argv, env=env, cwd=tmp_path, log=tmp_path / "log") as instance:
        instance.wait_healthy(30)
        assert instance.wait_event("ready", 30)
        deadline = time.monotonic() + 30  # an optional service does not delay the start
        while not any((item.name, item.state) == ("llm", "READY") for item in instance.events):
            assert time.monotonic() < deadline, instance.events
            time.sleep(0.05)
        assert instance.stop(20) == 0
    assert (tmp_path / "s" / "models" / "server").read_bytes() == server
    checked = subprocess.run(
        [*argv, "model", "check"], env=env, check=True, capture_output=True, text=True
    )
    assert checked.stdout == "server: good\n"

    kept = project / "build" / "cache" / "resources" / "node" / "1" / "node.tar.gz"
    kept.write_bytes(bytes(len(tool)))
    wrong = run(project, "resources", "--check")
    assert wrong.returncode == 8
    assert "wrong" in wrong.stdout
    shutil.rmtree(folder)
    failed = run(project, "build", "--freeze-only", "--product", "echo", "--clean")
    assert failed.returncode == 8
    assert "it answered 404: it has no such file" in failed.stderr
    assert not bundle.exists()


def test_a_new_pin_is_measured(tmp_path: Path, served: tuple[Path, str]) -> None:
    """`--pin` writes size and SHA-256; the rest of the file stays."""
    folder, url = served
    (folder / "thing").write_bytes(b"hello")
    project = Path(shutil.copytree(ECHO, tmp_path / "project"))
    file = project / "resources" / "resources.toml"
    file.parent.mkdir()
    file.write_text(
        '# mine\nschema = 1\n[[resources]]\nname = "thing"\nversion = "1"\n'
        'url = "https://example.org/old"\nunverified = "new"\nlicence = "MIT"\n'
        'destination = "thing"\n',
        encoding="utf-8",
    )
    assert run(project, "resources", "--pin", "thing").returncode == 2
    done = run(project, "resources", "--pin", "thing", "--url", f"{url}/thing")
    assert done.returncode == 0, done.stderr
    assert "there" in done.stdout
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# mine\n")
    assert f'size = 5\nsha256 = "{hashlib.sha256(b"hello").hexdigest()}"' in text
    assert run(project, "resources", "--fetch").returncode == 0
