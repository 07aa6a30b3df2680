"""Which probe a service gets, and who may answer."""

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from faulty_http import Exchange, FaultyServer

from frostline_runtime.artifact.manifest import ModelServer, Port, Probe, Service
from frostline_runtime.supervision import prober
from frostline_runtime.supervision.events import Role
from frostline_runtime.supervision.lifeline import Tether
from frostline_runtime.supervision.probe import ProbeResult
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
    assert found == ProbeResult(healthy=False, alive=False, detail="has not announced its port yet")


def test_a_process_without_its_main_thread(
    target: ProbedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without its main thread is certainly not alive, whatever it would answer."""
    monkeypatch.setattr(current, "main_thread_exited", lambda _: True)
    found = prober.probe(target, "liveness")
    assert (found.alive, found.healthy, found.certain) == (False, False, True)
    assert found.detail == "its main thread has ended"
    assert prober.probe(replace(target, pid=None), "liveness").healthy


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
    assert (found.alive, prober.probe(target, "liveness").healthy) == (healthy, True)
    assert prober.probe(replace(target, pid=None), "startup").healthy
    handed = replace(SERVICE, port=Port(by="socket"))
    assert prober.probe(replace(target, service=handed), "startup").healthy
    chosen = replace(SERVICE, port=Port(by="socket", mode="announced"))
    assert prober.probe(replace(target, service=chosen), "startup").healthy is healthy


def test_another_process_without_a_name(target: ProbedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may not tell which process has the port."""
    monkeypatch.setattr(current, "owns_port", lambda *_: False)
    monkeypatch.setattr(current, "port_owner", lambda _: "")
    detail = prober.probe(target, "startup").detail
    assert detail == f"port {target.port} is taken by another process"


@pytest.mark.product("L6")
def test_health_by_version() -> None:
    """A prefix is added; the old `--v2` server has a list of models only."""
    asked = Probe(path="/health")
    assert prober.as_served(asked, SERVER) == asked
    moved = replace(SERVER, arguments=("--api-prefix", "/llx/"))
    assert prober.as_served(asked, moved).path == "/llx/health"
    assert prober.as_served(asked, replace(SERVER, arguments=("--api-prefix",))) == asked
    own = Probe(path="/own")
    assert prober.as_served(own, replace(SERVER, arguments=("--v2",))) == own
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


def hello(exchange: Exchange) -> None:
    """Answer that all is well; the list of models is empty."""
    body = b'{"data": []}' if exchange.path.endswith("/v1/models") else b""
    exchange.head(200, Content_Length=len(body), X_Frostline_Instance="i")
    exchange.body(body)


ROLES = Service(
    name="api", startup=Probe(path="/s"), liveness=Probe(path="/l"), readiness=Probe(path="/r")
)


def run_of(service: Service, port: int, **facts: object) -> ProbedRun:
    """Return a run of *service* at *port* in no process that is known."""
    first = ProbedRun(service=service, instance="i", port=port, pid=None, tether=None, server=None)
    return replace(first, **facts)  # type: ignore[arg-type]


def test_each_role_has_its_probe() -> None:
    """Without a probe for liveness that of the start is asked, and a server has its prefix."""
    without = replace(ROLES, liveness=None, readiness=None)
    prefixed = replace(SERVER, arguments=("--url-prefix", "/a"))
    roles: tuple[Role, ...] = ("startup", "liveness", "readiness")
    with FaultyServer(hello) as server:
        for role in roles:
            assert prober.probe(run_of(ROLES, server.port), role).healthy
            assert prober.probe(run_of(without, server.port), role).healthy
        assert prober.probe(run_of(ROLES, server.port, server=prefixed), "startup").healthy
        paths = [exchange.path for exchange in server.exchanges]
        assert paths == ["/s", "/s", "/l", "/s", "/r", "/a/s"]
        assert prober.probe(run_of(without, server.port, server=prefixed), "readiness").healthy
        other = prober.probe(run_of(ROLES, server.port, instance="j"), "readiness")
        assert other.detail == "/r: answered by another instance"


def test_a_server_without_a_model() -> None:
    """It has started when its list of models is not empty, and only then."""
    service = replace(ROLES, port=Port(by="environment"))
    prefixed = replace(SERVER, arguments=("--url-prefix", "/a"))
    with FaultyServer(hello) as server:
        run = run_of(service, server.port, pid=os.getpid(), server=prefixed)
        found = prober.probe(run, "startup")
        assert [exchange.path for exchange in server.exchanges] == ["/a/s", "/a/v1/models"]
        assert server.exchanges[1].method == "GET"
        assert prober.probe(run, "liveness").healthy
        assert prober.probe(replace(run, server=None), "startup").healthy
    assert found == ProbeResult(
        healthy=False, detail="/v1/models: it runs, but has loaded no model"
    )


def test_an_answer_that_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not matter who has given it."""
    monkeypatch.setattr(current, "owns_port", lambda *_: False)
    with FaultyServer(lambda exchange: exchange.head(503, Content_Length=0)) as server:
        found = prober.probe(run_of(ROLES, server.port, pid=os.getpid()), "startup")
    assert found.detail == "not yet: /s answered 503"


def test_a_server_that_breaks_off() -> None:
    """A server whose list of models does not come has not started, but is alive."""

    def behave(exchange: Exchange) -> None:
        if exchange.path == "/s":
            hello(exchange)

    with FaultyServer(behave) as server:
        found = prober.probe(run_of(ROLES, server.port, pid=os.getpid(), server=SERVER), "startup")
    assert found == ProbeResult(healthy=False, detail="/v1/models: closed without an answer")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows services have no lifeline")
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_lag_of_a_service(status: int, healthy: bool) -> None:  # noqa: FBT001
    """It is asked for with the probe for liveness only."""
    with Tether() as tether:
        theirs = os.dup(tether.fileno())

        def behave(exchange: Exchange) -> None:
            if exchange.path == "/l":
                assert os.read(theirs, 100) == b'{"cmd": "lag"}\n'
            os.write(theirs, b'{"lag": 1.5}\n')
            exchange.head(status, Content_Length=0)

        with FaultyServer(behave) as server:
            run = run_of(ROLES, server.port, tether=tether)
            found = prober.probe(run, "liveness")
            assert (found.lag, found.alive, found.healthy) == (1.5, True, healthy)
            found = prober.probe(run, "startup")
            assert (found.lag, found.alive, found.healthy) == (None, True, healthy)
        os.close(theirs)
    tether.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows services have no lifeline")
def test_a_busy_service() -> None:
    """A service that does not answer is alive if its loop is blocked."""
    with Tether() as tether:
        theirs = os.dup(tether.fileno())

        def behave(exchange: Exchange) -> None:
            os.write(theirs, b'{"lag": 1.5}\n')
            exchange.connection.close()

        with FaultyServer(behave) as server:
            found = prober.probe(run_of(ROLES, server.port, tether=tether), "liveness")
        os.close(theirs)
    tether.close()
    assert (found.alive, found.healthy, found.lag) == (True, False, 1.5)
    assert found.detail == "busy: its event loop has been blocked for 1.5 s"
