"""What differs between operating systems: one module each, held together by a Protocol."""

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
    """The actions that every system module offers; on modules, the self argument is ignored."""

    @property
    def NAME(self) -> str:  # noqa: N802  # a module's constant
        """The system's name: linux, darwin or windows."""

    @property
    def STOP_SIGNALS(self) -> tuple[signal.Signals, ...]:  # noqa: N802  # a module's constant
        """The signals that ask the artifact to stop."""

    @property
    def WAKE_EVERY(self) -> float | None:  # noqa: N802  # a module's constant
        """Seconds after which a blocking wait must look for signals; None where it need not."""

    def spawn(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        cwd: str,
        descriptors: Sequence[int],
        ended: Callable[[int], None],
    ) -> subprocess.Popen[bytes]:
        """Start *argv* in a process group of its own, output merged into one pipe.

        *ended* gets its exit code, negative for a signal, from a thread, when its group is gone.
        To be called by the main thread only.
        """

    def guard(self, tags: Mapping[str, str], *, with_parent: bool) -> None:
        """Go on so that no process with *tags* is left when this one ends, however it ends.

        *with_parent*: the death of our own parent, a bootloader, is a request to stop.
        """

    def sweep(self, tags: Mapping[str, str]) -> tuple[int, ...]:
        """Kill all processes of this user that carry *tags*; return those that live on."""

    def tagged(self, tags: Mapping[str, str]) -> tuple[int, ...]:
        """Return the other living processes whose first environment holds all of *tags*."""

    def watch_process(self, pid: int, gone: Callable[[], None]) -> None:
        """Call *gone* from a thread when process *pid* ends, or at once if it has."""

    def main_thread_exited(self, pid: int) -> bool:
        """Tell whether the main thread of *pid* has ended while others live on."""

    def started(self, pid: int) -> str:
        """Return when process *pid* was started, in the system's words, or "" if it has ended."""

    def usage(self, pid: int) -> tuple[int, float] | None:
        """Return the memory in bytes and the processor time in seconds that *pid* uses."""

    def zombies(self, pid: int) -> int:
        """Return how many dead children *pid* has not taken note of."""

    def slept(self) -> float:
        """Return the seconds that this machine has been asleep; only differences count."""

    def state_folder(self, product: str, environ: Mapping[str, str]) -> Path:
        """Return where *product* keeps its state if its profile names no place."""

    def lock(self, path: Path) -> int | None:
        """Return a descriptor that holds the lock *path*, or None if another process has it."""

    def owns_port(self, pid: int, port: int) -> bool | None:
        """Tell whether *pid* or a descendant listens on *port*; None if that cannot be seen."""

    def terminate(self, process: subprocess.Popen[bytes]) -> None:
        """Ask the group of *process* to stop."""

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End the group of *process* at once."""

    def port_owner(self, port: int) -> str | None:
        """Return who listens on loopback *port*, as far as the system tells."""

    def prepare_listener(self, listener: socket.socket) -> None:
        """Set the options that a listening socket needs on this system."""

    def can_inherit_sockets(self) -> bool:
        """Tell whether a child can be handed a listening socket by its number."""


current: Final[System] = _module
