"""Real tinyllama processes on free ports: start, refusals, answers, metrics and the end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "tinyllama"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
LISTENING = "server is listening on "
if sys.platform == "win32":
    STOP, FLAGS = signal.CTRL_BREAK_EVENT, subprocess.CREATE_NEW_PROCESS_GROUP
else:
    STOP, FLAGS = signal.SIGTERM, 0


@dataclass(frozen=True)
class Server:
    """A server that listens."""

    process: subprocess.Popen[str]
    url: str

    def get(self, path: str, key: str = "") -> str:
        """Return the answer to a GET."""
        return fetch(Request(self.url + path, headers={"Authorization": f"Bearer {key}"}))

    def post(self, path: str, **body: object) -> str:
        """Return the answer to a POST of these JSON members."""
        request = Request(self.url + path, json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        return fetch(request)

    def chat(self, text: str, **more: object) -> str:
        """Return the answer to one message."""
        messages = [{"role": "user", "content": text}]
        return self.post("/v1/chat/completions", messages=messages, max_tokens=24, **more)


def fetch(request: Request) -> str:
    """Return the body of the answer to a request."""
    with urlopen(request, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


@contextmanager
def running(model: Path, *options: str) -> Iterator[Server]:
    """Run a server until the block ends."""
    command = [*COMMAND, "--server", "-m", str(model), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True, creationflags=FLAGS
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(LISTENING)
            yield Server(process, line.removeprefix(LISTENING).strip())
        finally:
            process.kill()


def make_model(path: Path) -> None:
    """Run the build step that writes the model."""
    subprocess.run([sys.executable, ROOT / "tools" / "make_model.py", path], check=True)


def run(*options: object) -> subprocess.CompletedProcess[str]:
    """Run tinyllama to its end."""
    command = [*COMMAND, *map(str, options)]
    return subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=10, check=False
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model in a folder that did not exist."""
    path = tmp_path_factory.mktemp("model") / "new" / "tiny.gguf"
    make_model(path)
    return path


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    """Return a server that most tests share."""
    with running(model, "--metrics", "--log-disable") as server:
        yield server


@pytest.mark.product("L3")
def test_version_names_program_and_engine_without_loading_it() -> None:
    """--version prints one line of both versions and does not import the engine."""
    code = "import sys; from tinyllama.main import main; c = main(['--version'])"
    code += "; sys.exit(c or 'xllamacpp' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    engine = f"llama.cpp via xllamacpp {metadata.version('xllamacpp')}"
    assert done.stdout == f"tinyllama v{project['version']} ({engine})\n"


@pytest.mark.product("L4")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--server", "--nobrowser"], "error: invalid argument: --nobrowser\n"),
        ([], "error: tinyllama only serves: give --server\n"),
        (["--server", "--port", "65536"], "65536 is no whole number from 0 to 65535\n"),
        (["--server", "--port", "http"], "http is no whole number from 0 to 65535\n"),
        (["--server", "--gpu", "intel"], "invalid choice: 'intel'"),
        (["--server", "-ngl", "many"], "argument -ngl/--gpu-layers/--n-gpu-layers: many is no"),
    ],
)
def test_wrong_command_lines_are_refused(options: list[str], message: str) -> None:
    """A wrong command line exits with 1 and says what is wrong."""
    done = run(*options)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr


def test_help_names_the_options() -> None:
    """--help exits with 0 and lists the options."""
    done = run("--help")
    assert done.returncode == 0
    assert "--ctx-size" in done.stdout


@pytest.mark.product("L4")
def test_every_option_of_llamafile_is_accepted(model: Path) -> None:
    """The options that launchers give to llamafile 0.10 start a server that obeys them."""
    options = (
        "--host localhost --ctx-size 512 --n-predict 5 -ngl 0 --gpu disable -t 1 --seed 1"
        " --no-warmup --no-webui --nologo --unsecure --offline"
    )
    with running(model, *options.split()) as server:
        assert urlsplit(server.url).hostname == "localhost"
        answer = json.loads(server.post("/completion", prompt="Hello"))
        models = json.loads(server.get("/v1/models"))
    assert answer["tokens_predicted"] == 5
    assert models["data"][0]["meta"]["n_ctx"] == 512


def test_missing_model_is_refused(tmp_path: Path) -> None:
    """A model file that does not exist is named."""
    path = tmp_path / "none.gguf"
    done = run("--server", "--port", "0", "-m", path)
    assert (done.returncode, done.stderr) == (1, f"error: model file not found: {path}\n")


def test_other_file_is_refused(tmp_path: Path) -> None:
    """A file that is no GGUF is named, before llama.cpp sees it."""
    path = tmp_path / "page.gguf"
    path.write_text("<!DOCTYPE html>", encoding="utf-8")
    done = run("--server", "--port", "0", "-m", path)
    assert (done.returncode, done.stderr) == (1, f"error: not a GGUF file: {path}\n")


def test_incomplete_model_is_refused(model: Path, tmp_path: Path) -> None:
    """A truncated model ends the start, with llama.cpp's reason even when logs are off."""
    path = tmp_path / "half.gguf"
    path.write_bytes(model.read_bytes()[:300_000])
    done = run("--server", "--port", "0", "-m", path, "--log-disable")
    assert done.returncode == 1
    assert "model is corrupted or incomplete" in done.stderr
    assert done.stderr.endswith(f"error: llama.cpp could not load the model or start: {path}\n")


@pytest.mark.product("L6")
def test_taken_port_is_refused(server: Server, model: Path) -> None:
    """A port that another server has is neither shared nor replaced."""
    done = run("--server", "--port", urlsplit(server.url).port, "-m", model)
    assert (done.returncode, done.stdout) == (1, "")
    assert "couldn't bind HTTP server socket" in done.stderr


@pytest.mark.product("L6")
def test_health_is_ok_once_it_listens(server: Server) -> None:
    """/health answers as llamafile's does."""
    assert json.loads(server.get("/health")) == {"status": "ok"}


@pytest.mark.product("L6")
def test_models_names_the_model(server: Server, model: Path) -> None:
    """/v1/models names the model file."""
    assert [entry["id"] for entry in json.loads(server.get("/v1/models"))["data"]] == [model.name]


def test_chat_answers_text_and_usage(server: Server) -> None:
    """A chat answer has text of the length asked for, and its usage adds up."""
    answer = json.loads(server.chat("Hello", temperature=0))
    text = answer["choices"][0]["message"]["content"]
    assert re.fullmatch("[a-z ]{23,24}", text)
    usage = answer["usage"]
    assert usage["completion_tokens"] == answer["timings"]["predicted_n"] == 24
    assert usage["prompt_tokens"] + 24 == usage["total_tokens"]


def test_chat_depends_on_the_prompt_alone(server: Server) -> None:
    """Different prompts have different answers, whatever was asked before."""
    prompts = ["Hello", "hello", "What is the capital of France?", "日本", "Hello"]
    answers = [json.loads(server.chat(prompt, temperature=0)) for prompt in prompts]
    texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert len(set(texts)) == 4
    assert texts[0] == texts[4]


def test_chat_streams(server: Server) -> None:
    """A streamed answer is the whole one in pieces, with usage and an end mark."""
    whole = json.loads(server.chat("Hello", temperature=0))["choices"][0]["message"]["content"]
    stream = server.chat(
        "Hello", temperature=0, stream=True, stream_options={"include_usage": True}
    )
    lines = [line.removeprefix("data: ") for line in stream.splitlines() if line]
    events = [json.loads(line) for line in lines[:-1]]
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    assert lines[-1] == "[DONE]"
    assert "".join(delta.get("content") or "" for delta in deltas) == whole
    assert sum(bool(delta.get("content")) for delta in deltas) > 8
    assert events[-1]["usage"]["completion_tokens"] == 24


def test_completion_answers(server: Server) -> None:
    """/completion continues a prompt."""
    answer = json.loads(server.post("/completion", prompt="abc", n_predict=8, temperature=0))
    assert answer["tokens_predicted"] == 8
    assert re.fullmatch("[a-z ]{8}", answer["content"])


def test_metrics_count_tokens(server: Server) -> None:
    """The counter of predicted tokens grows by what an answer used."""

    def predicted() -> int:
        found = re.search(r"\nllamacpp:tokens_predicted_total (\d+)\n", server.get("/metrics"))
        assert found is not None
        return int(found[1])

    before = predicted()
    used = json.loads(server.chat("Count"))["usage"]["completion_tokens"]
    assert predicted() == before + used


def test_api_key_is_asked_for(model: Path) -> None:
    """With --api-key only the public paths answer without it; /metrics is off by default."""
    with running(model, "--api-key", "secret") as server:
        server.get("/health")
        for key, status in [("wrong", 401), ("secret", 501)]:
            with pytest.raises(HTTPError) as refusal:
                server.get("/metrics", key=key)
            with refusal.value:
                assert refusal.value.code == status


@pytest.mark.parametrize("busy", [False, True])
def test_signal_ends_it_at_once(model: Path, *, busy: bool) -> None:
    """A signal ends an idle or a busy server within a second; its port can be bound again."""
    with running(model, "--log-disable") as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as client:
            if busy:
                body = b'{"prompt": "Hello", "n_predict": 100000, "stream": true}'
                head = (
                    f"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                client.sendall(head.encode() + body)
                client.recv(1)
            server.process.send_signal(STOP)
            begin = time.monotonic()
            assert server.process.wait(timeout=5) == 0
            assert time.monotonic() - begin < 1
        socket.create_server((address.hostname, address.port)).close()


def test_model_is_small_and_always_the_same(model: Path, tmp_path: Path) -> None:
    """The build step writes the same bytes every time, less than a megabyte, and nothing else."""
    again = tmp_path / "again.gguf"
    make_model(again)
    assert again.read_bytes() == model.read_bytes()
    assert again.stat().st_size < 1_000_000
    assert list(tmp_path.iterdir()) == [again]
