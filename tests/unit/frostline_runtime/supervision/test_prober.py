"""Which probe a service gets, and who may answer."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from frostline_runtime.artifact.manifest import ModelServer, Port, Probe, Service
from frostline_runtime.supervision import prober
from frostline_runtime.supervision.prober import ProbedRun
from frostline_runtime.system import current

SERVER = ModelServer(executable="{bundle}/llamafile")
SERVICE = Service(
    name="api", port=Port(by="environment"), startup=Probe(kind="tcp"), readiness=Probe(path="/r")
)


@pytest.fixture
def target() -> Iterator[ProbedRun]:
    """Return a service that listens in this process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield ProbedRun(
            service=SERVICE, instance="i", port=listener.getsockname()[1], pid=os.getpid(),
            tether=None, server=None,
        )  # fmt: skip


def test_nothing_to_probe(target: ProbedRun) -> None:
    """A service without a port, or without a probe in this role, is healthy."""
    assert prober.probe(replace(target, port=None), "startup").healthy
    assert prober.probe(replace(target, service=Service(name="x")), "readiness").healthy


def test_a_port_that_was_not_announced(target: ProbedRun) -> None:
    """The service is not alive, and the detail says why."""
    found = prober.probe(replace(target, port=0), "startup")
    assert (found.alive, found.detail) == (False, "has not announced its port yet")


def test_a_process_without_its_main_thread(
    target: ProbedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without its main thread is certainly not alive, whatever it would answer."""
    monkeypatch.setattr(current, "main_thread_exited", lambda _: True)
    found = prober.probe(target, "liveness")
    assert (found.alive, found.certain) == (False, True)


@pytest.mark.parametrize(("owns", "healthy"), [(True, True), (None, True), (False, False)])
def test_the_first_answer_must_be_its_own(
    target: ProbedRun, monkeypatch: pytest.MonkeyPatch, *, owns: bool | None, healthy: bool
) -> None:
    """Another process on the port makes the start fail, if the system can tell."""
    monkeypatch.setattr(current, "owns_port", lambda *_: owns)
    monkeypatch.setattr(current, "port_owner", lambda _: "thief (pid 7)")
    found = prober.probe(target, "startup")
    assert found.healthy is healthy
    assert ("is taken by thief (pid 7)" in found.detail) is not healthy
    handed = replace(SERVICE, port=Port(by="socket"))
    assert prober.probe(replace(target, service=handed), "startup").healthy


@pytest.mark.product("L6")
def test_health_by_version() -> None:
    """A prefix is added; the old `--v2` server has a list of models only."""
    asked = Probe(path="/health")
    assert prober.as_served(asked, SERVER) == asked
    moved = replace(SERVER, arguments=("--api-prefix", "/llm/"))
    assert prober.as_served(asked, moved).path == "/llm/health"
    assert prober.as_served(asked, replace(SERVER, arguments=("--api-prefix",))) == asked
    second = replace(SERVER, command=("--v2", "--url-prefix", "/a"))
    assert prober.as_served(asked, second).path == "/a/v1/models"


@pytest.mark.product("L6")
@pytest.mark.parametrize(
    ("status", "body", "healthy"),
    [
        (200, b'{"data": [{"id": "m"}]}', True),
        (200, b'{"data": []}', False),
        (200, b"{}", True),
        (200, b"no json", True),
        (401, b'{"data": []}', True),
        (404, b"", True),
    ],
)
def test_a_model_must_be_loaded(status: int, body: bytes, healthy: bool) -> None:  # noqa: FBT001
    """An empty list of models is not healthy; any other answer passes."""
    assert prober.judge_models(status, body).healthy is healthy
