"""Rows A of docs/supervisor.md: the death of the shell, the guardian and the supervisor."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

import pytest
from harness import AT_ONCE, Launch, orphans, service
from processes import alive

from frostline_runtime.artifact.manifest import Probe

GONE = 6.0  # the grace of a service and a second (A1)

STATES = {
    "STARTING": service("main", "--listen-after", 60),
    "READY": service(),
    "UNREADY": service(
        "main", "--answer-file", "no-such-file", readiness=Probe(path="/ready", interval=0.2)
    ),
    "STOPPING": service("main", "--ignore-term", grace=30.0),
    "BACKOFF": service("main", "--exit-after", 0.01, "--no-server"),
    "FAILED": service("main", "--exit-after", 0.01, "--exit-code", 78, required=False),
}  # fmt: skip


def shell(pidfile: Path) -> tuple[str, ...]:
    """Return the start of a command that runs the rest as a desktop shell does, and waits."""
    code = (
        "import os, subprocess, sys; "
        "child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, "
        "env={**os.environ, 'FROSTLINE_SHELL_PID': str(os.getpid())}); "
        "open(sys.argv[1], 'w').write(str(child.pid)); child.wait()"
    )
    return (sys.executable, "-S", "-c", code, str(pidfile))


@pytest.mark.product("X1")
def test_one_line_tells_the_shell(launch: Launch, tmp_path: Path) -> None:
    """The first line of standard output that is an event "ready" has addresses and token."""
    artifact = launch(service(), prefix=shell(tmp_path / "pid"))
    ready = artifact.wait_for("ready")
    assert ready["services"]["main"]["url"].startswith("http://127.0.0.1:")
    assert ready["token"] == artifact.facts()["token"] != ""
    assert artifact.request("GET", "/api/logs?service=main")[0] == 200
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


@pytest.mark.product("X1")
@pytest.mark.parametrize("state", ["PENDING", *STATES])
def test_shell_is_killed(launch: Launch, tmp_path: Path, tag: str, state: str) -> None:
    """A1: in every state of the services, all processes end in time."""
    services = [STATES.get(state, service("main", "--listen-after", 60))]
    if state == "PENDING":
        services.append(service("second", needs=("main",)))
    artifact = launch(*services, prefix=shell(tmp_path / "pid"))
    if state == "STOPPING":
        artifact.wait_state("main", "READY")
        artifact.request("POST", "/api/services/main/stop")
    if state != "PENDING":
        artifact.wait_state("main", state)
    else:
        artifact.wait_state("second", "PENDING")
    artifact.process.kill()
    assert orphans(tag, timeout=GONE + 10 * (state == "STOPPING")) == []


def test_cooperative_services_are_gone_at_once(launch: Launch, tmp_path: Path, tag: str) -> None:
    """A1: a service that ends when it is asked is not waited for; 0.3 s on a quiet machine."""
    both = (service(grace=60.0), service("second", grace=60.0))
    artifact = launch(*both, prefix=shell(tmp_path / "pid"))
    artifact.wait_for("ready")
    artifact.process.kill()
    assert orphans(tag, timeout=3 * 0.3) == []
    artifact.wait_for("stopped", clean=True)


@pytest.mark.parametrize("victims", [("guardian",), ("supervisor",), ("guardian", "supervisor")])
@pytest.mark.parametrize("grandchild", ["group", "session", "double"])
def test_a_part_of_the_artifact_is_killed(
    launch: Launch, tag: str, victims: tuple[str, ...], grandchild: str
) -> None:
    """A3: whichever is killed, services and their children end."""
    artifact = launch(service("main", "--grandchild", grandchild))
    artifact.wait_for("ready")
    pids = {"guardian": artifact.process.pid, "supervisor": artifact.supervisor}
    leader = artifact.pid()
    for name in victims:
        os.kill(pids[name], signal.SIGKILL)
    if len(victims) == 2:  # children at once, others by the sweep at the next start
        alive([leader], timeout=1)
        again = launch(service())
        again.wait_for("ready")
        again.stop()
    assert orphans(tag, timeout=AT_ONCE if victims == ("supervisor",) else GONE) == []


def test_a_stopped_shell(launch: Launch, tmp_path: Path) -> None:
    """A4: a shell that is stopped by a signal is not dead."""
    artifact = launch(service(), prefix=shell(tmp_path / "pid"))
    artifact.wait_for("ready")
    pid = artifact.pid()
    artifact.process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    artifact.process.send_signal(signal.SIGCONT)
    assert artifact.pid() == pid
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


@pytest.mark.product("X1")
def test_end_of_stdin(launch: Launch) -> None:
    """A5: the artifact stops when the shell closes its standard input."""
    artifact = launch(service(), arguments=("--lifeline", "stdin"))
    artifact.wait_for("ready")
    assert artifact.process.stdin
    artifact.process.stdin.close()
    artifact.wait_for("stopping", reason="stdin_eof")
    artifact.wait_for("stopped", clean=True, left=[])
    assert artifact.wait() == 0


@pytest.mark.parametrize("kind", ["null", "file", "closed"])
def test_stdin_that_is_not_a_pipe(launch: Launch, tmp_path: Path, kind: str) -> None:
    """A6: /dev/null, a file or a closed standard input is not taken for a lifeline."""
    if kind == "closed":
        artifact = launch(service(), stdin=None, prefix=("/bin/sh", "-c", 'exec "$@" <&-', "sh"))
    else:
        path = tmp_path / "empty"
        path.touch()
        with Path(os.devnull if kind == "null" else path).open() as stream:
            artifact = launch(
                service(), stdin=stream, env={"FROSTLINE_SHELL_PID": str(os.getpid())}
            )
    artifact.wait_for("ready")
    with pytest.raises(subprocess.TimeoutExpired):
        artifact.process.wait(0.5)
    assert artifact.stop() == 0


def test_a_lifeline_held_by_another_process(launch: Launch, tmp_path: Path, tag: str) -> None:
    """A7: if another process holds the pipe open, the shell's pid is still watched."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # noqa: FBT003  # the module's signature
    artifact = launch(service(), prefix=shell(tmp_path / "pid"), pass_fds=(writer,))
    sibling = subprocess.Popen(["/bin/sleep", "60"], pass_fds=(writer,))
    artifact.wait_for("ready")
    artifact.process.kill()
    assert orphans(tag, timeout=3 * 0.2 + 0.3) == []
    assert sibling.poll() is None
    sibling.kill()
    sibling.wait()
    os.close(reader)
    os.close(writer)


@pytest.mark.skip(reason="A8 needs a pid namespace with a tiny pid_max, and the right to make one")
def test_reused_pid() -> None:
    """A8: a pidfd refers to a process, not to its number."""


def test_spawns_from_the_main_thread(launch: Launch) -> None:
    """A9: services live as long as the main thread, which starts all of them."""
    artifact = launch(service())
    artifact.wait_for("ready")
    pid = artifact.pid()
    os.kill(pid, signal.SIGKILL)  # a restart
    artifact.wait_state("main", "READY")
    again = artifact.pid()
    time.sleep(1)
    assert artifact.pid() == again != pid


def test_a_hung_instance_without_its_shell(launch: Launch, tmp_path: Path) -> None:
    """§11: the next start replaces a hung instance, but only after its shell has ended."""
    hung = launch(service(), prefix=shell(tmp_path / "pid"))
    hung.wait_for("ready")
    leader, supervisor = hung.pid(), hung.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    second = launch(service())
    assert second.wait() == 75
    hung.process.kill()
    hung.process.wait()
    third = launch(service())
    third.wait_for("ready", timeout=30)
    assert third.supervisor != supervisor
    assert alive([supervisor, leader]) == []


def test_an_instance_that_ends_when_asked(launch: Launch) -> None:
    """§11: an instance without its shell is asked to stop first."""
    fakes = {"FROSTLINE_SHELL_PID": "1"}  # it never ends, so the artifact does not notice
    first = launch(service(), env=fakes, stdin=subprocess.DEVNULL)
    first.wait_for("ready")
    facts = first.facts()
    path = first.place / "instance.json"
    path.write_text(json.dumps(facts | {"shell_started": "long ago"}), encoding="utf-8")
    second = launch(service())
    first.wait_for("stopped", clean=True, left=[])
    second.wait_for("ready")
    assert first.wait() == 0


def test_nohup_is_respected(launch: Launch) -> None:
    """A signal that was ignored at the start stays ignored."""
    prefix = ("/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh")
    artifact = launch(service(), prefix=prefix)
    artifact.wait_for("ready")
    os.kill(artifact.process.pid, signal.SIGHUP)
    os.kill(artifact.supervisor, signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        artifact.process.wait(0.5)
    assert artifact.stop() == 0


def test_ctrl_c_is_one_request(launch: Launch) -> None:
    """Ctrl-C reaches the whole process group; services still get their grace."""
    # A background job of a shell ignores Ctrl-C, and its children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    artifact = launch(service("main", "--ignore-term", grace=1.0), process_group=0)
    artifact.wait_for("ready")
    began = time.monotonic()
    os.killpg(artifact.process.pid, signal.SIGINT)
    assert artifact.wait() == 0
    assert time.monotonic() - began > 0.9
