"""Listening sockets of services."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from frostline_runtime.artifact.manifest import Port, PortMode
from frostline_runtime.supervision import ports
from frostline_runtime.supervision.ports import LOOPBACK, PortError
from frostline_runtime.system import current

OTHER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other() -> Iterator[tuple[int, int]]:
    """Return the port and the pid of another process that listens."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield int(process.stdout.readline()), process.pid
        process.communicate(timeout=10)


def free() -> int:
    """Return a port on which no process listens."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def number(listener: socket.socket) -> int:
    """Return the port of *listener*."""
    return int(listener.getsockname()[1])


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not tell who owns a port")
def test_a_fixed_port_that_is_taken(other: tuple[int, int]) -> None:
    """PortError names the taken port and the process that has it."""
    port, pid = other
    with pytest.raises(PortError, match=rf"port {port} is taken by .*\bpid {pid}\b"):
        ports.listen(Port(mode="fixed", number=port))


@pytest.mark.parametrize(
    ("remembered", "wanted", "expected"),
    [
        ("free", "free", "remembered"),
        ("taken", "free", "wanted"),
        ("none", "free", "wanted"),
        ("taken", "taken", "another"),
        ("none", "none", "another"),
    ],
)
def test_a_preferred_port(
    other: tuple[int, int], remembered: str, wanted: str, expected: str
) -> None:
    """The remembered port is tried first, then the one of the profile, then any."""
    last, want = (
        {"free": free(), "taken": other[0], "none": 0}[kind] for kind in (remembered, wanted)
    )
    with ports.listen(Port(mode="prefer", number=want), last) as listener:
        found = number(listener)
    if expected == "another":
        assert found != other[0]
        assert found >= 1024
    else:
        assert found == {"remembered": last, "wanted": want}[expected]


@pytest.mark.parametrize(("mode", "takes"), [("fixed", "number"), ("ephemeral", "neither")])
def test_only_a_preferred_port_is_remembered(mode: PortMode, takes: str) -> None:
    """A fixed port is that of the profile; an ephemeral one is new each time."""
    remembered, wanted = free(), free()
    with ports.listen(Port(mode=mode, number=wanted), remembered) as listener:
        found = number(listener)
    assert found != remembered
    assert (found == wanted) is (takes == "number")


def test_loopback_only() -> None:
    """The socket listens on the loopback interface only."""
    with ports.listen(Port(mode="ephemeral")) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        with socket.create_connection(listener.getsockname(), 5) as client:
            accepted, _ = listener.accept()
            with accepted:
                client.sendall(b"x")
                assert accepted.recv(1) == b"x"


def test_a_port_is_free_at_once_after_a_restart() -> None:
    """Old connections in TIME_WAIT do not keep a fixed port taken."""
    with ports.listen(Port(mode="ephemeral")) as listener:
        port = number(listener)
        with socket.create_connection(listener.getsockname(), 5) as client:
            listener.accept()[0].close()  # the server closes first: its side has to wait
            assert client.recv(1) == b""
    with ports.listen(Port(mode="fixed", number=port)) as again:
        assert number(again) == port


def test_no_port_is_named() -> None:
    """Any free one is taken, whatever the mode."""
    modes: tuple[PortMode, ...] = ("prefer", "fixed", "ephemeral")
    for mode in modes:
        with ports.listen(Port(mode=mode)) as listener:
            assert number(listener) >= 1024


def test_a_process_without_a_name(other: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may not tell who has a port."""
    monkeypatch.setattr(current, "port_owner", lambda _: "")
    with pytest.raises(PortError, match=r"is taken by another process\. Stop"):
        ports.listen(Port(mode="fixed", number=other[0]))


def test_other_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without a loopback interface has no port that is taken."""
    monkeypatch.setattr(ports, "LOOPBACK", "192.0.2.1")  # for documentation: nobody has it
    with pytest.raises(OSError, match="address"):
        ports.listen(Port(mode="fixed", number=free()))
