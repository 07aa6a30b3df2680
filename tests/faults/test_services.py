"""Rows B, C and D: services that die, hang, or do not start."""

import json
import os
import signal
import socket
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

import psutil
import pytest
from harness import PROBE, SOURCE, Artifact, Launch, orphans, service
from processes import alive

from frostline_runtime.artifact.manifest import Port, Probe, ProbeKind, Service

Record = Callable[[str, object], None]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_service_comes_back(launch: Launch, number: signal.Signals) -> None:
    """B1: a killed service is restarted once, with another pid."""
    artifact = launch(service())
    artifact.wait_for("ready")
    pid = artifact.pid()
    os.kill(pid, number)
    artifact.wait_state("main", "READY")
    health = artifact.health()["services"]["main"]
    assert health["pid"] != pid
    assert health["restarts"] == 1


@pytest.mark.parametrize(("code", "state"), [(0, "BACKOFF"), (1, "BACKOFF"), (78, "FAILED")])
def test_exit_codes(launch: Launch, code: int, state: str) -> None:
    """B1: 78 is final, after every other code the service is restarted."""
    artifact = launch(
        service("main", "--exit-after", 0.2, "--exit-code", code, "--no-server", required=False)
    )
    event = artifact.wait_state("main", state)
    assert f"exited with code {code}" in event["detail"]


def test_an_exit_that_is_no_failure(launch: Launch) -> None:
    """A service with `restart = "on-failure"` may end with 0."""
    fields = {"restart": "on-failure", "required": False, "startup": None, "port": None}
    artifact = launch(
        service("main", "--exit-after", 0.2, "--exit-code", 0, "--no-server", **fields)
    )
    artifact.wait_state("main", "STOPPED")


@pytest.mark.product("X3")
def test_a_crash_loop_is_given_up(launch: Launch) -> None:
    """B2: after six starts it is FAILED with its last lines, and the artifact ends with 70."""
    artifact = launch(service("main", "--exit-after", 0.05, "--say", "no licence", "--no-server"))
    event = artifact.wait_for("fatal", 60)
    assert event["restarts"] == 5
    assert event["tail"] == ["no licence"] * 6
    assert artifact.wait() == 70


def test_an_optional_service_that_fails(launch: Launch) -> None:
    """B2: the artifact goes on without an optional service, and is degraded."""
    failing = service(
        "extra", "--exit-after", 0.05, "--exit-code", 78, "--no-server", required=False
    )
    artifact = launch(service(), failing)
    artifact.wait_for("degraded", service="extra")
    artifact.wait_for("ready")
    assert artifact.health()["status"] == "degraded"
    assert artifact.request("GET", "/health", token=False) == (200, '{"status": "degraded"}')


@pytest.mark.parametrize("grandchild", ["group", "pipe"])
def test_a_grandchild_that_holds_the_pipe(launch: Launch, grandchild: str) -> None:
    """B3: a service's death is noticed although a grandchild holds its pipe open."""
    artifact = launch(service("main", "--grandchild", grandchild))
    artifact.wait_for("ready")
    time.sleep(0.1)
    os.kill(artifact.pid(), signal.SIGKILL)
    event = artifact.wait_state("main", "BACKOFF", 0.5)
    assert "ended by signal SIGKILL" in event["detail"]  # not that it did not answer
    artifact.wait_state("main", "READY")


def test_a_service_without_its_main_thread(launch: Launch) -> None:
    """B4: a service without its main thread is replaced, although it may still answer."""
    artifact = launch(service("main", "--end-main-thread-after", 1))
    artifact.wait_for("ready")
    pid = artifact.pid()
    artifact.wait_state("main", "STOPPING")
    artifact.wait_state("main", "READY")
    assert artifact.pid() != pid


BUSY = """
import time


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/work":
        end = time.monotonic() + 6
        while time.monotonic() < end:
            pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})
"""


def test_a_busy_service_is_left_alone(launch: Launch, tmp_path: Path) -> None:
    """C3: a service with a blocked event loop gets more time than a hung one."""
    (tmp_path / "busy.py").write_text(BUSY, encoding="utf-8")
    probe = replace(PROBE, interval=0.2, failures=2)
    busy = Service(
        name="main", entry="busy:app", serve="asgi", port=Port(mode="ephemeral"), startup=probe
    )
    path = f"{SOURCE}{os.pathsep}{tmp_path}"
    artifact = launch(busy, env={"PYTHONPATH": path})
    url = artifact.wait_for("ready")["services"]["main"]["url"]
    pid = artifact.pid()
    answer = urllib.request.urlopen(f"{url}/work", timeout=20).read()
    assert answer == b"done"
    health = artifact.health()["services"]["main"]
    assert (health["state"], health["pid"], health["restarts"]) == ("READY", pid, 0)
    os.kill(pid, signal.SIGSTOP)  # a service that hangs without work is replaced
    artifact.wait_state("main", "STOPPING")
    artifact.wait_state("main", "READY")


@pytest.mark.parametrize("kind", ["line", "descriptor"])
def test_a_service_that_reports_ready(launch: Launch, kind: ProbeKind) -> None:
    """D1: a line of output or a newline on a descriptor makes the service ready, not before."""
    how = ["--ready-line", "now serving 7"] if kind == "line" else ["--ready-descriptor"]
    startup = Probe(kind=kind, pattern=r"^now serving \d$")
    main = service("main", "--listen-after", 1, "--no-server", *how, startup=startup)
    silent = service("silent", "--no-server", startup=startup, start_timeout=2.0, required=False)
    began = time.monotonic()
    artifact = launch(main, silent, arguments=("--no-restart",))
    artifact.wait_state("main", "READY")
    assert time.monotonic() - began > 0.8
    event = artifact.wait_state("silent", "FAILED")
    assert "not healthy after 2 s" in event["detail"]


def test_a_tcp_probe(launch: Launch) -> None:
    """A service without HTTP is probed with a connection."""
    main = service("main", "--garbage", "http09", "--listen-after", 0.5)
    socketless = replace(main, port=Port(mode="ephemeral", by="environment"))
    began = time.monotonic()
    artifact = launch(replace(socketless, startup=replace(PROBE, kind="tcp")))
    artifact.wait_for("ready")
    assert time.monotonic() - began > 0.4
    os.kill(artifact.pid(), signal.SIGKILL)
    artifact.wait_state("main", "READY")


def test_a_service_that_goes_into_the_background(launch: Launch, tag: str) -> None:
    """B5: the reason names a service that goes into the background; its child is killed."""
    artifact = launch(service("main", "--daemonise", required=False), arguments=("--no-restart",))
    event = artifact.wait_state("main", "FAILED")
    assert "must stay in the foreground" in event["detail"]
    ours = {artifact.process.pid, artifact.supervisor}
    deadline = time.monotonic() + 3
    while {p.pid for p in orphans(tag, 0)} != ours:
        assert time.monotonic() < deadline


def test_many_deaths_leave_nothing(launch: Launch) -> None:
    """B6: after many deaths there are no more descriptors, threads and zombies than before."""
    artifact = launch(service("main", "--no-server", startup=None, port=None))
    artifact.wait_state("main", "READY")
    supervisor = psutil.Process(artifact.supervisor)

    def die() -> None:
        os.kill(artifact.pid(), signal.SIGKILL)
        artifact.wait_state("main", "BACKOFF")
        artifact.request("POST", "/api/services/main/restart")  # a request of a user does not count
        artifact.wait_state("main", "READY")

    die()
    before = (supervisor.num_fds(), supervisor.num_threads())
    for _ in range(15):
        die()
    time.sleep(0.3)
    after = (supervisor.num_fds(), supervisor.num_threads())
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 2
    zombies = [p for p in supervisor.children() if p.status() == psutil.STATUS_ZOMBIE]
    assert zombies == []


def test_a_stopped_service_is_replaced(launch: Launch) -> None:
    """C1: a stopped process is killed and restarted; with the default times within 14 s."""
    artifact = launch(service(startup=Probe()))
    artifact.wait_for("ready")
    pid = artifact.pid()
    began = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    event = artifact.wait_state("main", "STOPPING", 20)
    artifact.wait_state("main", "READY", 20)
    assert time.monotonic() - began < 14 * 1.5
    assert alive([pid]) == []
    assert event["attempt"] == 1


@pytest.mark.parametrize("garbage", ["slow", "redirect", "stranger", "http09"])
def test_bad_answers(launch: Launch, garbage: str) -> None:
    """C2: each bad answer is a failure within the time limit of the probe."""
    artifact = launch(
        service("main", "--garbage", garbage, start_timeout=2.0, required=False),
        arguments=("--no-restart",),
    )
    event = artifact.wait_state("main", "FAILED", 10)
    assert "not healthy after 2 s" in event["detail"]


def test_an_endless_body(launch: Launch) -> None:
    """C2: the rest of a long body is not read."""
    artifact = launch(
        service("main", "--garbage", "endless", start_timeout=2.0, required=False),
        arguments=("--no-restart",),
    )
    assert "answered 500" in artifact.wait_state("main", "FAILED", 10)["detail"]


def test_many_hung_services(launch: Launch, record_property: Record) -> None:
    """C4: each hung service is noticed; the lag of the main loop is recorded."""
    artifact = launch(*(service(f"s{n}", "--hang-after", 1) for n in range(20)))
    artifact.wait_for("ready", 30)
    stopping: set[str] = set()
    while len(stopping) < 20:
        event = artifact.wait_for("service", 30, state="STOPPING")
        stopping.add(event["name"])
    assert stopping == {f"s{number}" for number in range(20)}
    record_property("loop_lag_ms_max", artifact.health()["supervisor"]["loop_lag_ms_max"])


def test_slow_start_with_progress(launch: Launch) -> None:
    """D1: a service that writes lines may take longer."""
    slow = service("main", "--listen-after", 3, "--progress", 0.3, start_timeout=1.5)
    artifact = launch(slow, arguments=("--no-restart",))
    artifact.wait_for("ready")


def test_slow_start_without_progress(launch: Launch) -> None:
    """D1: a start without lines of output ends at the time limit."""
    artifact = launch(
        service("main", "--listen-after", 60, start_timeout=1.0), arguments=("--no-restart",)
    )
    event = artifact.wait_for("fatal")
    assert "not healthy after 1 s" in event["reason"]
    assert artifact.wait() == 70


@pytest.mark.parametrize("mode", ["fixed", "prefer"])
@pytest.mark.parametrize("by", ["socket", "environment"])
def test_a_taken_port(launch: Launch, mode: str, by: str) -> None:
    """D2: the process on the port is neither killed nor used; a fixed port fails and names it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        number = stranger.getsockname()[1]
        artifact = launch(service(port=Port(mode=mode, number=number, by=by)))  # type: ignore[arg-type]
        if mode == "fixed":
            reason = artifact.wait_for("fatal")["reason"]
            assert f"port {number} is taken by" in reason
            assert f"pid {os.getpid()}" in reason
            assert artifact.wait() == 70
        else:
            url = artifact.wait_for("ready")["services"]["main"]["url"]
            assert not url.endswith(f":{number}")


def test_a_port_is_remembered(launch: Launch) -> None:
    """D2: the address of a web page stays, and with it the storage in the browser."""
    first = launch(service(port=Port(mode="prefer")))
    before = first.wait_for("ready")
    first.stop()
    after = launch(service(port=Port(mode="prefer"))).wait_for("ready")
    assert after["services"]["main"]["url"] == before["services"]["main"]["url"]
    assert after["base_url"] == before["base_url"]


def broken(folder: Path, kind: str) -> Path:
    """Return a program that cannot be started."""
    path = folder / "program"
    match kind:
        case "truncated":
            path.write_bytes(Path(sys.executable).resolve().read_bytes()[:100])
        case "wrong architecture":
            data = bytearray(Path("/bin/true").read_bytes())
            data[18] = 0xF3  # e_machine: RISC-V
            path.write_bytes(data)
        case _:
            path.write_text("just text\n")
    path.chmod(0o644 if kind == "not executable" else 0o755)
    return path if kind != "missing" else folder / "absent"


@pytest.mark.parametrize("kind", ["missing", "not executable", "truncated", "wrong architecture"])
def test_what_cannot_be_started(launch: Launch, tmp_path: Path, kind: str) -> None:
    """D3: a service that cannot be started fails at once with the reason, and for good."""
    program = broken(tmp_path, kind)
    artifact = launch(service(command=(str(program),)))
    event = artifact.wait_for("fatal", 5)
    assert str(program) in event["reason"]
    assert event["restarts"] == 0
    assert artifact.wait() == 70


def test_too_many_open_files(launch: Launch) -> None:
    """D5: a lack of resources is waited out."""
    artifact = launch(service(), service("other"))
    artifact.wait_for("ready")
    supervisor = psutil.Process(artifact.supervisor)
    pid = artifact.pid()
    supervisor.rlimit(psutil.RLIMIT_NOFILE, (supervisor.num_fds() + 1, 4096))
    os.kill(pid, signal.SIGKILL)
    event = artifact.wait_for("service", 10, name="main", state="BACKOFF", attempt=2)
    assert "Too many open files" in event["detail"]
    supervisor.rlimit(psutil.RLIMIT_NOFILE, (4096, 4096))
    artifact.wait_state("main", "READY", 40)


def test_two_launches_at_once(launch: Launch) -> None:
    """D6: one wins; the others say where it is and end with 75."""
    artifacts = [launch(service("main", "--listen-after", 0.5)) for _ in range(6)]
    deadline = time.monotonic() + 30
    while len(running := [one for one in artifacts if one.process.poll() is None]) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (winner,) = running
    winner.wait_for("ready")
    for artifact in artifacts:
        if artifact is not winner:
            assert artifact.wait() == 75
            artifact.wait_for("already_running")


def test_restart_is_quick(launch: Launch, tmp_path: Path, record_property: Record) -> None:
    """B1: measured with a loose limit, and without BACKOFF; `bench/supervisors.py` compares."""
    log = tmp_path / "starts"
    artifact = launch(service("main", "--log", log, "--no-server", startup=None, port=None))
    artifact.wait_state("main", "READY")
    taken = []
    for _ in range(3):
        time.sleep(5.1)  # the uptime that makes a restart immediate
        began, before = time.monotonic(), len(artifact.events)
        os.kill(artifact.pid(), signal.SIGKILL)
        artifact.wait_state("main", "READY")
        states = [event["state"] for event in artifact.events[before:] if "state" in event]
        assert states == ["STARTING", "READY"]  # not BACKOFF
        taken.append(float(log.read_text().splitlines()[-1].split()[1]) - began)
        artifact.request("POST", "/api/services/main/restart")
        artifact.wait_state("main", "READY")
    record_property("restart_ms", round(statistics.median(taken) * 1000, 1))
    assert statistics.median(taken) < 0.5


def test_jumps_of_the_wall_clock(launch: Launch, tmp_path: Path) -> None:
    """F3: when the clock jumps by a year or an hour, no service is late or restarted."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("needs the Debian package libfaketime")
    clock = tmp_path / "clock"
    clock.write_text("+0\n", encoding="ascii")
    faked = {
        "LD_PRELOAD": str(found[0]), "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # For an old glibc it would turn waits with a time limit into loops, which starve threads.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }  # fmt: skip
    main = service("main", startup=replace(PROBE, interval=0.2), environment={"LD_PRELOAD": ""})
    began = time.monotonic()
    artifact = launch(main, env=faked)
    artifact.wait_for("ready")
    pid = artifact.pid()
    for seconds in (365 * 86400, -365 * 86400, 3600, -3600, 3600 * 86400):
        clock.write_text(f"{seconds:+}\n", encoding="ascii")
        deadline = time.monotonic() + 5
        while abs(last_probe(artifact) - time.time() - seconds) > 60:
            assert time.monotonic() < deadline, "no probe after the jump"
    health = artifact.health()
    facts = health["services"]["main"]
    assert (facts["pid"], facts["state"], facts["restarts"]) == (pid, "READY", 0)
    assert health["uptime_s"] < time.monotonic() - began + 1  # rounded


def last_probe(artifact: Artifact) -> float:
    """Return when the service was last probed, by the clock of the artifact."""
    _, body = artifact.request("GET", "/api/history?service=main")
    return float(json.loads(body)["probes"][-1]["ts"]) if json.loads(body)["probes"] else 0.0


def test_a_port_that_the_service_chooses(launch: Launch) -> None:
    """An announced port is read in each run; the port of another process is refused."""
    port = Port(mode="announced")
    artifact = launch(service("main", "--own-port", port=port))
    ready = artifact.wait_for("ready")
    first = artifact.health()["services"]["main"]
    assert ready["services"]["main"]["url"] == first["url"]
    os.kill(first["pid"], signal.SIGKILL)
    artifact.wait_state("main", "READY", attempt=2)
    second = artifact.health()["services"]["main"]["url"]
    assert second not in {None, first["url"]}
    with urllib.request.urlopen(f"{second}/health", timeout=5) as answer:
        assert answer.status == 200
