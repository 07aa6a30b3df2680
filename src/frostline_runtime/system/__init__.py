"""What differs between operating systems: one module each, held together by a Protocol."""

import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
    ) -> subprocess.Popen[bytes]:
        """Start *argv* in a process group of its own, output merged into one pipe."""

    def terminate(self, process: subprocess.Popen[bytes]) -> None:
        """Ask the group of *process* to stop."""

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End the group of *process* at once."""

    def group_alive(self, process: subprocess.Popen[bytes]) -> bool:
        """Tell whether anything in the group of *process* still runs."""

    def port_owner(self, port: int) -> str | None:
        """Return who listens on loopback *port*, as far as the system tells."""

    def prepare_listener(self, listener: socket.socket) -> None:
        """Set the options that a listening socket needs on this system."""

    def can_inherit_sockets(self) -> bool:
        """Tell whether a child can be handed a listening socket by its number."""


current: Final[System] = _module
