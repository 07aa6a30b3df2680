"""What differs between operating systems: one module for each, with the same functions."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

if sys.platform == "win32":
    from frostline_runtime.system import windows as _module
elif sys.platform == "darwin":
    from frostline_runtime.system import darwin as _module
else:
    from frostline_runtime.system import linux as _module


class System(Protocol):
    """The functions of every system module; for a module, *self* is ignored."""

    @property
    def NAME(self) -> str:  # noqa: N802  # a module's constant
        """The system's name: linux, darwin or windows."""

    @property
    def STOP_SIGNALS(self) -> tuple[signal.Signals, ...]:  # noqa: N802  # a module's constant
        """The signals that ask the artifact to stop."""

    def spawn(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        cwd: str,
        descriptors: Sequence[int],
        ended: Callable[[int], None],
    ) -> subprocess.Popen[bytes]:
        """Start *argv* in its own process group, with stdout and stderr in one pipe.

        When the process and its group have ended, a thread calls *ended* with the exit code,
        negative for a signal. Call it from the main thread only.
        """

    def guard(self, tags: Mapping[str, str], *, with_parent: bool) -> None:
        """Make sure that no process with *tags* is left when this one ends, even if killed.

        With *with_parent*, stop when the parent process ends: the bootloader.
        """

    def sweep(self, tags: Mapping[str, str]) -> tuple[int, ...]:
        """Kill all processes of this user with *tags*; return those that cannot be killed."""

    def tagged(self, tags: Mapping[str, str]) -> tuple[int, ...]:
        """Return the other processes that were started with *tags* in their environment."""

    def watch_process(self, pid: int, gone: Callable[[], None]) -> None:
        """Call *gone* from a thread when process *pid* ends, at once if it has ended."""

    def main_thread_exited(self, pid: int) -> bool:
        """Tell whether the main thread of *pid* has ended while other threads run."""

    def started(self, pid: int) -> str:
        """Return when process *pid* was started, in a format of the system, "" if it has ended."""

    def usage(self, pid: int) -> tuple[int, float] | None:
        """Return the memory in bytes and the processor time in seconds that *pid* uses."""

    def zombies(self, pid: int) -> int:
        """Return how many zombies *pid* has: dead children that it has not waited for."""

    def slept(self) -> float:
        """Return how long the computer was asleep, in seconds; only differences count."""

    def state_folder(self, product: str, environ: Mapping[str, str]) -> Path:
        """Return the folder for the state of *product* if its profile names no storage."""

    def lock(self, path: Path) -> int | None:
        """Return a descriptor that holds the lock *path*, None if another process holds it."""

    def owns_port(self, pid: int, port: int) -> bool | None:
        """Tell whether *pid* or a descendant listens on *port*, None if that is unknown."""

    def terminate(self, process: subprocess.Popen[bytes]) -> None:
        """Ask the process group of *process* to stop."""

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process group of *process*."""

    def port_owner(self, port: int) -> str | None:
        """Return the process that listens on loopback *port* in words, None if that is unknown."""

    def prepare_listener(self, listener: socket.socket) -> None:
        """Set the options that a listening socket needs on this system."""

    def can_inherit_sockets(self) -> bool:
        """Tell whether a child can inherit a listening socket."""


current: Final[System] = _module
