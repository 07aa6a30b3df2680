"""Running an entry point in its own process."""

import asyncio
import http.client
import os
import subprocess
import sys
from collections.abc import Coroutine
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

import frostline_runtime
from frostline_runtime import serve
from frostline_runtime.artifact import loopback
from frostline_runtime.artifact.manifest import Port
from frostline_runtime.supervision import launch, ports
from frostline_runtime.supervision.looplag import LoopLag

SOURCE = str(Path(frostline_runtime.__file__).parents[1])
DRIVER = "import sys; from frostline_runtime import serve; sys.exit(serve.run(*sys.argv[1:]))"
Message = dict[str, object]


def environ(folder: Path) -> dict[str, str]:
    """Return an environment in which the modules of *folder* can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, str(folder)))}


def run(folder: Path, body: str, entry: str = "product:main") -> tuple[int, str, str]:
    """Run *entry* of a module with *body*; return exit code, output and errors."""
    (folder / "product.py").write_text(body, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, entry, "function"],
        env=environ(folder), check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        ("return None", 0, ""),
        ("return 0", 0, ""),
        ("return 7", 7, ""),
        ("return True", 1, ""),
        ("return 'no disk'", 1, "no disk\n"),
        ("return ''", 1, "\n"),
        ("import sys; sys.exit(9)", 9, ""),
    ],
)
def test_what_a_function_returns(tmp_path: Path, body: str, code: int, errors: str) -> None:
    """The process ends as if the result had been given to `sys.exit`."""
    assert run(tmp_path, f"def main():\n    {body}\n") == (code, "", errors)


def test_an_attribute_of_an_attribute(tmp_path: Path) -> None:
    """An entry point may be a method of a class."""
    body = "class Tool:\n    @staticmethod\n    def main():\n        return 6\n"
    assert run(tmp_path, body, "product:Tool.main") == (6, "", "")


def test_what_a_factory_returns(tmp_path: Path) -> None:
    """An entry point that ends with `()` is what the factory returns."""
    body = "def make():\n    return lambda: print('made') or 5\n"
    assert run(tmp_path, body, "product:make()") == (5, "made\n", "")


@pytest.mark.parametrize(
    ("end", "code"), [("", 0), ("sys.exit(4)", 4), ("raise SystemExit('no')", 1)]
)
def test_a_script(tmp_path: Path, end: str, code: int) -> None:
    """An entry point without attribute is run as a script: its name is `__main__`."""
    body = f"import sys\nclass A: pass\nprint(__name__, sys.modules['__main__'].A is A)\n{end}\n"
    done = run(tmp_path, body, "product")
    assert done[:2] == (code, "__main__ True\n")


def test_collecting_garbage(tmp_path: Path) -> None:
    """Garbage collection is off during the import, and on when the function runs."""
    body = (
        "import gc\nimported = gc.isenabled()\n"
        "def main():\n    print(imported, gc.isenabled(), gc.get_freeze_count() > 0)\n"
    )
    assert run(tmp_path, body) == (0, "False True True\n", "")


WSGI = """
import os, sys, threading
go = threading.Event()
def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/slow":
        def answer():
            yield b"begun "
            yield b"ended" if go.wait(10) else b"alone"
        return answer()
    if environ["PATH_INFO"] == "/last":
        def answer():
            yield b"begun "
            sys.stdin.read()  # until the test closes it, after it has asked for the end
            yield b"ended"
        return answer()
    go.set()
    return [f"{environ['SERVER_PORT']} {'FROSTLINE_LISTEN_FD' in os.environ}".encode()]
"""


@pytest.mark.skipif(os.name == "nt", reason="sockets are handed on by descriptor")
def test_wsgi_on_the_socket_of_the_supervisor(tmp_path: Path) -> None:
    """WSGI answers on the inherited socket, slow and quick requests at once, until asked to stop.

    A request that is being answered then is answered to its end.
    """
    (tmp_path / "product.py").write_text(WSGI, encoding="utf-8")
    with ports.listen(Port(mode="ephemeral")) as listener:
        port, descriptor = int(listener.getsockname()[1]), listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, "product:application", "wsgi"], pass_fds=[descriptor],
            env={
                **environ(tmp_path), launch.LISTEN_FD: str(descriptor), launch.PORT: str(port),
            },
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as slow:
            slow.request("GET", "/slow")
            answer = slow.getresponse()
            assert answer.read(6) == b"begun "
            quick = loopback.request("GET", "/quick", port, 5)
            assert (quick.status, quick.body.decode()) == (200, f"{port} False")
            assert answer.read() == b"ended"
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as last:
            last.request("GET", "/last")
            answer = last.getresponse()
            assert answer.read(6) == b"begun "
            process.terminate()
            _, errors = process.communicate(timeout=10)
            assert answer.read() == b"ended"
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")


async def application(scope: serve.Scope, receive: object, send: serve.Send) -> None:
    """Answer with one header at /headers, without any elsewhere."""
    del receive
    start: Message = {"type": "http.response.start", "status": 200}
    if scope.get("path") == "/headers":
        start["headers"] = [(b"x", b"y")]
    await send(start)
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    ("scope", "headers"),
    [
        ({"type": "http", "path": "/headers"}, [(b"x", b"y"), (b"x-frostline-instance", b"me")]),
        ({"type": "http", "path": "/"}, [(b"x-frostline-instance", b"me")]),
        ({"type": "websocket", "path": "/"}, None),
    ],
)
def test_answers_name_their_launch(scope: dict[str, object], headers: object) -> None:
    """Each HTTP answer of an ASGI application has the instance; nothing else changes."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    signed = serve.signed(cast("serve.Application", application), "me", LoopLag())
    asyncio.run(cast("Coroutine[None, None, None]", signed(scope, None, send)))
    expected: Message = {"type": "http.response.start", "status": 200}
    if headers:
        expected["headers"] = headers
    assert sent == [expected, {"type": "http.response.body", "body": b""}]
