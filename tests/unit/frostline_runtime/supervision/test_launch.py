"""How a service is started: command, environment, socket."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import frostline_runtime
from frostline_runtime.artifact.locations import locate
from frostline_runtime.artifact.manifest import Environment, Manifest, ModelServer, Port, Service
from frostline_runtime.model import llamafile, preparation
from frostline_runtime.supervision import launch
from frostline_runtime.supervision.launch import Address, Context, Launch, LaunchError

SOURCE = str(Path(frostline_runtime.__file__).parents[1])
posix_only = pytest.mark.skipif(os.name == "nt", reason="descriptors and scripts of POSIX")
LIFELINE = 99


@pytest.fixture
def address() -> Iterator[Callable[[Port], Address]]:
    """Return a function that makes addresses and closes them at the end."""
    made: list[Address] = []

    def make(port: Port) -> Address:
        made.append(Address(port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that stands for the bundle."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    monkeypatch.setenv("FROSTLINE_BUNDLE", str(folder))
    return folder


def candidates(
    service: Service, address: Address | None = None, environ: Mapping[str, str] | None = None,
    others: Mapping[str, Address] | None = None, manifest: Manifest | None = None,
    inherited: Mapping[str, int] | None = None,
) -> tuple[Launch, ...]:  # fmt: skip
    """Return how *service* can be started, together with the other services of *manifest*."""
    value = manifest or Manifest(
        product="p", name="p", version="1", layout="onedir", entry="p:main"
    )
    value = replace(value, services=(service, *value.services))
    known = dict(others or {}) | ({service.name: address} if address else {})
    variables = dict(environ or {})
    bundle = Path(os.environ["FROSTLINE_BUNDLE"])
    context = Context(
        manifest=value, locations=locate(value, variables, bundle), environ=variables, key="key"
    )
    return launch.candidates(service, context, known, inherited or {})


@posix_only
def test_a_socket_is_handed_to_a_real_child(
    bundle: Path, address: Callable[[Port], Address]
) -> None:
    """The child answers on the socket that the supervisor has opened."""
    del bundle
    code = (
        "import os; from frostline_runtime.supervision.launch import inherited_listener as take\n"
        "listener = take(); assert take() is None\n"
        "with listener.accept()[0] as client:\n"
        "    client.sendall(f\"{os.environ['FROSTLINE_PORT']} {os.environ['MY_PORT']} "
        "{'FROSTLINE_LISTEN_FD' in os.environ}\".encode())\n"
    )
    port = Port(mode="ephemeral", variable="MY_PORT")
    service = Service(name="api", kind="command", command=(sys.executable, "-c", code), port=port)
    mine = address(port)
    (found,) = candidates(service, mine, {"PYTHONPATH": SOURCE, "MY_PORT": "old"})
    child = subprocess.Popen(found.argv, env=dict(found.environ), pass_fds=found.descriptors)
    mine.close()
    try:
        with closing(socket.create_connection(("127.0.0.1", mine.number), 10)) as client:
            client.settimeout(10)
            assert client.makefile("rb").read().decode() == f"{mine.number} {mine.number} False"
    finally:
        if child.poll() is None:
            child.terminate()
        child.wait(10)


@pytest.mark.parametrize("by", ["environment", "argument"])
def test_a_port_that_the_service_opens(
    bundle: Path, address: Callable[[Port], Address], by: str
) -> None:
    """The supervisor's socket is closed before the start, so that the service can listen."""
    del bundle
    port = Port(mode="ephemeral", by="argument" if by == "argument" else "environment")
    mine = address(port)
    command = (sys.executable, "--port={port}", "{bundle}/x")
    (found,) = candidates(Service(name="api", kind="command", command=command, port=port), mine)
    assert found.argv[1:] == (f"--port={mine.number}", f"{os.environ['FROSTLINE_BUNDLE']}/x")
    assert found.descriptors == ()
    assert launch.LISTEN_FD not in found.environ
    with socket.create_server(("127.0.0.1", mine.number)):
        pass


def test_another_port_instead_of_a_taken_one(address: Callable[[Port], Address]) -> None:
    """A service whose port is taken gets another one."""
    mine = address(Port(mode="ephemeral", by="environment"))
    first = mine.number
    with socket.create_server(("127.0.0.1", first)):
        mine.renew()
        assert mine.number not in {0, first}
    with socket.create_server(("127.0.0.1", mine.number)):
        pass


def test_environment(tmp_path: Path, bundle: Path, address: Callable[[Port], Address]) -> None:
    """The profile's values win over the user's; services get the address of the model server."""
    del bundle
    manifest = Manifest(
        product="p", name="p", version="1", layout="onedir", entry="p:main",
        environment=Environment(storage_variable="STORAGE", storage_default="~"),
        services=(Service(name="llm", kind="llamafile"),),
        model_server=ModelServer(addresses={"LLM": "{url}/v1"}),
    )  # fmt: skip
    model = address(Port(mode="ephemeral", by="argument"))
    service = Service(
        name="api", kind="command", command=(sys.executable,), environment={"A": "ours"}
    )
    environ = {"A": "user's", "B": "kept", "LLM": "old", "STORAGE": str(tmp_path / "storage")}
    (found,) = candidates(service, None, environ, {"llm": model}, manifest)
    seen = {name: found.environ[name] for name in ("A", "B", "LLM", launch.SERVICE)}
    url = f"http://127.0.0.1:{model.number}/v1"
    assert seen == {"A": "ours", "B": "kept", "LLM": url, launch.SERVICE: "api"}
    assert found.cwd == str(tmp_path / "storage")
    assert environ["A"] == "user's"


def executable_of(bundle: Path, service: str) -> Path:
    """Make the executable `services/NAME/NAME` of *service* and return it."""
    binary = bundle / "services" / service / service
    binary.parent.mkdir(parents=True)
    binary.touch()
    return binary


@posix_only
def test_its_own_executable_serves_where_no_interpreter_fits(bundle: Path) -> None:
    """A script without an interpreter is no failure if the bundle has the executable."""
    binary = executable_of(bundle, "x")
    environ = {"FROSTLINE_PYTHON": sys.executable}
    (found,) = candidates(Service(name="x", script="run.py", python="2.7"), None, environ)
    assert (found.how, found.argv) == ("frozen", (str(binary),))


@posix_only
def test_ways_to_start_an_entry(bundle: Path) -> None:
    """Its own executable comes first, then this artifact, then the script; all get the lifeline."""
    service = Service(name="api", entry="p:main", script="run.py")
    lifeline = {launch.LIFELINE_FD: LIFELINE}
    environ = {"FROSTLINE_PYTHON": sys.executable}
    binary = executable_of(bundle, "api")
    own, artifact, script = candidates(service, None, environ, inherited=lifeline)
    assert (own.how, own.argv) == ("frozen", (str(binary),))
    assert (artifact.how, artifact.argv[-2:]) == ("artifact", ("service", "api"))
    assert (script.how, script.argv) == ("script", (sys.executable, str(bundle / "run.py")))
    for found in (own, artifact, script):
        assert LIFELINE in found.descriptors
        assert found.environ[launch.LIFELINE_FD] == str(LIFELINE)
    (foreign,) = candidates(Service(name="x", kind="command", command=(sys.executable,)))
    assert launch.LIFELINE_FD not in foreign.environ


def test_a_script(bundle: Path) -> None:
    """A script is started with a real interpreter, without PYTHONPATH and PYTHONHOME."""
    environ = {
        "FROSTLINE_PYTHON": sys.executable, "PYTHONPATH": "x", "PYTHONHOME": "y", "KEPT": "z",
    }  # fmt: skip
    (found,) = candidates(Service(name="api", script="run.py"), None, environ)
    assert (found.how, found.argv) == ("script", (sys.executable, str(bundle / "run.py")))
    assert "KEPT" in found.environ
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(found.environ)


@pytest.mark.parametrize(
    ("service", "message"),
    [
        (Service(name="x", kind="command", command=("{bundle}/gone",)), "gone is missing or not"),
        (
            Service(name="x", script="run.py", python="2.7"),
            "found no interpreter for .*is .*, not 2.7",
        ),
        (Service(name="x", kind="llamafile", port=Port()), "no model server"),
    ],
)
def test_what_cannot_be_started(
    bundle: Path, address: Callable[[Port], Address], service: Service, message: str
) -> None:
    """A service that cannot be started raises LaunchError with the reason."""
    del bundle
    with pytest.raises(LaunchError, match=message):
        candidates(service, address(Port(mode="ephemeral")), {"FROSTLINE_PYTHON": sys.executable})


@posix_only
def test_a_model_server_is_prepared_first(
    bundle: Path, address: Callable[[Port], Address], tmp_path: Path
) -> None:
    """New or changed files are examined in a process of their own, once."""
    server = bundle / "llamafile"
    server.write_text("#!/bin/sh\n", encoding="utf-8")
    server.chmod(0o755)
    manifest = Manifest(
        product="p", name="p", version="1", layout="onedir", entry="p:main",
        environment=Environment(storage_variable="STORAGE", storage_default="~"),
        model_server=ModelServer(executable="{bundle}/llamafile", addresses={"K": "{key}"}),
    )  # fmt: skip
    service = Service(name="llm", kind="llamafile")
    port = launch.effective_port(service)
    assert port
    mine, environ = address(port), {"LLAMA_ARG_PORT": "1", "STORAGE": str(tmp_path)}
    (first,) = candidates(service, mine, environ, None, manifest)
    assert first.how == "prepare"
    assert first.argv[-2:] == ("model", "prepare")
    locations = locate(manifest, environ, bundle)
    folder = tmp_path / "frostline" / "model-server"
    files = llamafile.choose(manifest, environ, locations)
    assert files
    preparation.prepare(files, environ, locations, bool)
    (second,) = candidates(service, mine, environ, None, manifest)
    assert second.how == "llamafile"
    assert second.argv[0] == str(server)
    assert second.argv[-2:] == ("--api-key-file", str(folder / "key"))
    assert (folder / "key").read_text(encoding="ascii") == "key\n"
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert "LLAMA_ARG_PORT" not in second.environ
    server.write_text("#!/bin/sh\n# another one\n", encoding="utf-8")
    assert candidates(service, mine, environ, None, manifest)[0].how == "prepare"
