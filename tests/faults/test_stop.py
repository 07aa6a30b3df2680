"""Rows E, F and G: stopping, the host, and access to the control port."""

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

import psutil
import pytest
from harness import Launch, orphans, service, tagged


@pytest.mark.product("X3")
def test_a_service_that_ignores_the_request(launch: Launch) -> None:
    """E1: a service that ignores the stop is killed after its grace, 5 s by default."""
    artifact = launch(service("main", "--ignore-term"))
    artifact.wait_for("ready")
    began = time.monotonic()
    assert artifact.stop() == 0
    assert 4.9 < time.monotonic() - began < 6.5


@pytest.mark.parametrize("grandchild", ["group", "session", "double", "refork"])
def test_grandchildren_end(launch: Launch, tag: str, grandchild: str) -> None:
    """E2: grandchildren end, also in an own group or session, double-forked or forking."""
    artifact = launch(service("main", "--grandchild", grandchild))
    artifact.wait_for("ready")
    assert artifact.stop() == 0
    assert orphans(tag, timeout=0.5) == []


def test_grandchildren_end_with_a_stopped_service(launch: Launch, tag: str) -> None:
    """E2: grandchildren end when only their service is stopped."""
    artifact = launch(service("main", "--grandchild", "double"), service("other"))
    artifact.wait_for("ready")
    main = artifact.pid("main")
    artifact.request("POST", "/api/services/main/stop")
    artifact.wait_state("main", "STOPPED")
    ours = {artifact.process.pid, artifact.supervisor, artifact.pid("other")}
    deadline = time.monotonic() + 3
    while {p.pid for p in orphans(tag, 0)} - ours and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {p.pid for p in orphans(tag, 0)} == ours
    assert main not in ours


def test_the_last_request_counts(launch: Launch, tag: str) -> None:
    """E3: any order of stop, start and restart works; there is never a second process."""
    artifact = launch(service(), service("other"))
    artifact.wait_for("ready")
    chance = random.Random(1)
    for _ in range(60):
        verb = chance.choice(["start", "stop", "restart"])
        artifact.request("POST", f"/api/services/main/{verb}")
        assert len(tagged(tag, FROSTLINE_SERVICE="main")) <= 1
    artifact.request("POST", "/api/services/main/restart")
    artifact.request("POST", "/api/services/main/stop")
    deadline = time.monotonic() + 10
    while artifact.health()["services"]["main"]["state"] != "STOPPED":
        assert time.monotonic() < deadline
    artifact.request("POST", "/api/services/main/start")
    while artifact.health()["services"]["main"]["state"] != "READY":
        assert time.monotonic() < deadline


def test_a_second_request(launch: Launch) -> None:
    """E4: a second request to stop ends the grace."""
    artifact = launch(service("main", "--ignore-term", grace=30.0))
    artifact.wait_for("ready")
    artifact.process.terminate()
    artifact.wait_for("stopping")
    began = time.monotonic()
    artifact.process.terminate()
    assert artifact.wait() == 0
    assert time.monotonic() - began < 2


def test_stop_by_request(launch: Launch) -> None:
    """A service with a stop path is asked there first."""
    artifact = launch(service("main", "--ignore-term", "--exit-code", 0, stop_path="/exit"))
    artifact.wait_for("ready")
    began = time.monotonic()
    assert artifact.stop() == 0
    assert time.monotonic() - began < 3
    artifact.wait_for("stopped", clean=True, forced=[])


@pytest.mark.parametrize("kind", ["read-only", "full"])
def test_trouble_with_the_disk(launch: Launch, tmp_path: Path, kind: str) -> None:
    """F1: history and logs are lost, services go on."""
    place = tmp_path / "storage" / "frostline"
    place.mkdir(parents=True)
    options = "ro" if kind == "read-only" else "size=64k"
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=False
    ).returncode:
        pytest.skip("no right to mount a file system")
    try:
        (place / "lock").touch()
        (place / "logs").mkdir()
        if kind == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        artifact = launch(service("main", "--flood", 300_000))
        if kind == "read-only":
            assert artifact.wait() == 76
            assert "cannot be used: Read-only file system" in artifact.stderr()
        else:
            events = [artifact.wait_for("trouble"), artifact.wait_for("ready")]
            assert all(events)
            assert artifact.health()["status"] == "ok"
            assert artifact.stop() == 0
    finally:
        subprocess.run(["umount", place], check=True)
    assert options


@pytest.mark.parametrize("kind", ["garbage", "empty", "folder", "newer", "locked"])
def test_trouble_with_the_history(launch: Launch, tmp_path: Path, kind: str) -> None:
    """F2: the database is renamed or kept in memory; services go on."""
    database = tmp_path / "storage" / "frostline" / "state.db"
    database.parent.mkdir(parents=True)
    holder = None
    match kind:
        case "garbage":
            database.write_bytes(os.urandom(8192))
        case "empty":
            database.touch()
        case "folder":
            database.mkdir()
        case "newer" | "locked":
            holder = sqlite3.connect(database, isolation_level=None)
            holder.execute("PRAGMA user_version = 99" if kind == "newer" else "CREATE TABLE t (x)")
            if kind == "locked":
                holder.execute("BEGIN EXCLUSIVE")
            else:
                holder.close()
        case other:
            raise AssertionError(other)
    artifact = launch(service())
    artifact.wait_for("ready")
    deadline = time.monotonic() + 5
    expected = "memory" if kind in {"folder", "locked"} else "ok"
    while artifact.health()["supervisor"]["db"] != expected:
        assert time.monotonic() < deadline
    assert artifact.stop() == 0
    if kind in {"garbage", "newer"}:
        assert database.with_name("state.db.corrupt-1").is_file()
    if kind == "locked" and holder:
        holder.close()


@pytest.mark.product("T6")
def test_history_answers_queries(launch: Launch, tmp_path: Path) -> None:
    """T4, T6: runs, states and probes; a service that dies comes back, and the other goes on."""
    artifact = launch(service(), service("other"))
    artifact.wait_for("ready")
    other = artifact.pid("other")
    os.kill(artifact.pid(), signal.SIGKILL)
    artifact.wait_state("main", "READY")
    assert artifact.pid("other") == other
    assert artifact.stop() == 0
    with closing(sqlite3.connect(tmp_path / "storage" / "frostline" / "state.db")) as database:
        query = "SELECT service, attempt, code FROM runs ORDER BY service, id"
        assert database.execute(query).fetchall() == [
            ("main", 1, -9), ("main", 2, 0), ("other", 1, 0),
        ]  # fmt: skip
        status = database.execute("SELECT service, status FROM service_status").fetchall()
        assert dict(status) == {"main": "STOPPED", "other": "STOPPED"}
        query = "SELECT event FROM service_log WHERE service = 'main'"
        events = [row[0] for row in database.execute(query)]
        assert events[:3] == ["STARTING", "READY", "BACKOFF"]
        assert (
            database.execute("SELECT count(*) FROM health_check WHERE healthy").fetchone()[0] >= 2
        )


def test_a_suspended_computer(launch: Launch) -> None:
    """F4: after the computer was suspended no service is restarted."""
    artifact = launch(service())
    artifact.wait_for("ready")
    family = [psutil.Process(artifact.supervisor), psutil.Process(artifact.pid())]
    pid = artifact.pid()
    for process in family:
        process.suspend()
    time.sleep(5)
    for process in family:
        process.resume()
    time.sleep(3)
    health = artifact.health()["services"]["main"]
    assert (health["pid"], health["state"]) == (pid, "READY")


@pytest.mark.parametrize("reader", ["closed", "asleep"])
def test_a_shell_that_does_not_read(launch: Launch, tmp_path: Path, reader: str) -> None:
    """F6: a shell that does not read blocks nothing; the ready file has the facts."""
    first = launch(service("main", "--flood", 3_000_000))
    first.wait_for("ready")
    first.stop()
    ready = tmp_path / "ready.json"
    ours, theirs = os.pipe()
    if reader == "closed":
        os.close(ours)
    environ = {**first.env, "FROSTLINE_READY_FILE": str(ready)}
    process = subprocess.Popen(first.argv, env=environ, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        deadline = time.monotonic() + 10
        while not ready.exists():
            assert time.monotonic() < deadline
        assert '"event": "ready"' in ready.read_text()
        assert ready.stat().st_mode & 0o777 == 0o600
        os.kill(first.pid(), signal.SIGKILL)
        while first.health()["services"]["main"]["restarts"] != 1:
            assert time.monotonic() < deadline
    finally:
        process.terminate()
        assert process.wait(10) == 0
        if reader == "asleep":
            os.close(ours)


def test_a_flood_of_output(launch: Launch, tmp_path: Path) -> None:
    """F7: a flood of output is read, limited on the disk, and delays no probe."""
    artifact = launch(service("main", "--flood", 60_000_000))
    artifact.wait_for("ready", 30)
    logs = list((tmp_path / "storage" / "frostline" / "logs").iterdir())
    assert sum(path.stat().st_size for path in logs) < 40_000_000
    assert artifact.health()["supervisor"]["log_dropped"] > 0
    assert artifact.stop() == 0


HOST_CASES = [
    ("Host: evil.example\r\n", 403),
    ("Host: 127.0.0.1\r\n", 403),
    ("Host: localhost:1\r\n", 403),
    ("Origin: http://evil.example\r\n", 403),
    ("Origin: null\r\n", 403),
    ("Origin: file://\r\n", 403),
    ("Sec-Fetch-Site: cross-site\r\n", 403),
    ("Origin: tauri://localhost\r\nSec-Fetch-Site: cross-site\r\n", 200),
    ("", 200),
]


@pytest.mark.parametrize("path", ["/health", "/", "/metrics", "/api/logs?service=main"])
def test_access(launch: Launch, path: str) -> None:
    """G1: Host, Origin and site are checked before the path; without a token there is a status."""
    artifact = launch(service())
    artifact.wait_for("ready")
    for headers, expected in HOST_CASES:
        assert artifact.request("GET", path, headers)[0] == expected, headers
    status, body = artifact.request("GET", path, token=False)
    if path == "/health":
        assert (status, body) == (200, '{"status": "ok"}')
    elif path == "/":
        assert status == 200
    else:
        assert status == 401
    assert artifact.request("POST", "/api/services/main/stop", token=False)[0] == 401
    assert artifact.request("POST", "/api/services/nobody/stop")[0] == 404
    assert artifact.health()["services"]["main"]["state"] == "READY"


def test_private_files(launch: Launch, tmp_path: Path) -> None:
    """G3: only this user can read token, history and logs."""
    artifact = launch(service())
    artifact.wait_for("ready")
    place = tmp_path / "storage" / "frostline"
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "instance.json").stat().st_mode & 0o777 == 0o600
    assert artifact.stop() == 0
    assert '"token": ""' in (place / "instance.json").read_text()
    assert (place / "logs" / "main.log").stat().st_mode & 0o777 == 0o600


def test_secrets_stay_out_of_the_log(launch: Launch, tmp_path: Path) -> None:
    """§13: values that look like secrets are removed before they are stored or shown."""
    artifact = launch(service("main", "--say", "token=abc123 password: hunter2 plain"))
    artifact.wait_for("ready")
    assert artifact.stop() == 0
    text = (tmp_path / "storage" / "frostline" / "logs" / "main.log").read_text()
    assert "abc123" not in text + artifact.stderr()
    assert "hunter2" not in text
    assert "plain" in text


def test_slow_clients(launch: Launch) -> None:
    """G5: hundreds of idle connections delay neither probes nor /health for long."""
    artifact = launch(service())
    artifact.wait_for("ready")
    port = int(artifact.facts()["control"])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    time.sleep(2)
    pid = None
    deadline = time.monotonic() + 10
    while pid is None and time.monotonic() < deadline:
        try:
            pid = artifact.pid()
        except (OSError, ValueError, IndexError):
            time.sleep(0.1)
    for connection in idle:
        connection.close()
    assert artifact.health()["services"]["main"]["restarts"] == 0


def test_commands_of_a_user(launch: Launch) -> None:
    """`status`, `logs`, `restart` and `stop` find the running instance."""
    artifact = launch(service("main", "--say", "hello there"))
    artifact.wait_for("ready")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [*artifact.argv, *arguments]
        return subprocess.run(argv, env=artifact.env, capture_output=True, text=True, check=False)

    status = run("status")
    assert (status.returncode, "main             READY" in status.stdout) == (0, True), (
        status.stderr
    )
    assert run("logs", "main").stdout == "hello there\n"
    assert run("logs", "nobody").returncode == 2
    assert run("restart", "nobody").returncode == 2
    before = artifact.pid()
    assert run("restart", "main").returncode == 0
    artifact.wait_state("main", "READY", attempt=2)
    assert artifact.pid() != before
    assert run("stop").returncode == 0
    assert artifact.wait() == 0
    ended = run("status")
    assert (ended.returncode, "is not running" in ended.stderr) == (3, True)


def test_commands_of_the_shell(launch: Launch) -> None:
    """§12: standard input takes commands, one JSON object per line."""
    artifact = launch(service("main", "--say", "hello"), arguments=("--lifeline", "stdin"))
    artifact.wait_for("ready")
    stdin = artifact.process.stdin
    assert stdin
    stdin.write('{"cmd": "ping"}\nno json\n{"cmd": "dance"}\n{"cmd": "status"}\n')
    stdin.flush()
    artifact.wait_for("pong")
    artifact.wait_for("unknown_command", cmd="dance")
    stdin.write('{"cmd": "log"}\n')
    assert artifact.wait_for("status")["health"]["status"] == "ok"
    stdin.write('{"cmd": "restart", "service": "main"}\n')
    stdin.flush()
    artifact.wait_for("log", service="main", line="hello")
    artifact.wait_state("main", "READY", attempt=2)
    stdin.write('{"cmd": "stop", "reason": "update"}\n')
    stdin.flush()
    artifact.wait_for("stopping", reason="update")
    assert artifact.wait() == 0
    assert [event["seq"] for event in artifact.events] == list(range(len(artifact.events)))
