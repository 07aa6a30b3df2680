"""Decides how a service is started: its command, its environment, its listening socket."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline_runtime.artifact import environment, frozen, runfile
from frostline_runtime.artifact.manifest import Manifest, Port, Service
from frostline_runtime.model import llamafile
from frostline_runtime.supervision import ports
from frostline_runtime.system import current

LISTEN_FD = "FROSTLINE_LISTEN_FD"
LIFELINE_FD = "FROSTLINE_LIFELINE_FD"
READY_FD = "FROSTLINE_READY_FD"
PORT = "FROSTLINE_PORT"
SERVICE = "FROSTLINE_SERVICE"
RUN = "FROSTLINE_RUN"

How = Literal["frozen", "artifact", "script", "command", "llamafile", "prepare"]


class LaunchError(Exception):
    """A service cannot be started; trying again would not help."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that a spawn needs."""

    how: How
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: str
    descriptors: tuple[int, ...]


class Address:
    """The port of one service, with its listening socket as long as that is ours to give."""

    def __init__(self, port: Port, remembered: int = 0) -> None:
        """Listen on *port*, or where it listened last. Raises PortError."""
        self._port = port
        self.listener: socket.socket | None = None
        self.number = 0
        self._listen(remembered)

    def renew(self) -> None:
        """Choose a free port instead of one that turned out to be taken."""
        self.close()
        self._port = Port(mode="ephemeral", by=self._port.by, variable=self._port.variable)
        self._listen(0)

    def close(self) -> None:
        """Close our copy of the listening socket."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def forget(self) -> None:
        """Forget a port that the service has chosen for itself: the next run chooses again."""
        if self._port.mode == "announced":
            self.number = 0

    def _listen(self, remembered: int) -> None:
        if self._port.mode == "announced":
            return
        self.listener = ports.listen(self._port, remembered)
        self.number = self.listener.getsockname()[1]
        if self._port.by != "socket" or not current.can_inherit_sockets():
            self.close()


def effective_port(service: Service) -> Port | None:
    """Return the port of *service*; a llamafile always gets one by argument."""
    if service.kind == "llamafile":
        return service.port or Port(mode="ephemeral", by="argument")
    return service.port


def prepare(
    service: Service, manifest: Manifest, addresses: Mapping[str, Address],
    environ: Mapping[str, str], inherited: Mapping[str, int], key: str,
) -> tuple[Launch, ...]:  # fmt: skip
    """Return how *service* can be started, best first. Raises LaunchError, ModelServerError.

    Its environment lacks only the number of the run. *inherited*: further descriptors that it
    gets, with the variables that name them. *key* is the model server's, if it wants one.
    """
    address = addresses.get(service.name)
    storage = environment.storage_directory(manifest.environment, environ)
    child = dict(environ) | _known_addresses(manifest, addresses, key) | dict(service.environment)
    child[SERVICE] = service.name
    child["PYTHONUNBUFFERED"] = child["PYTHONUTF8"] = "1"
    descriptors: list[int] = []
    if address and address.number:
        child[PORT] = str(address.number)
        if service.port and service.port.variable:
            child[service.port.variable] = str(address.number)
        if address.listener:
            descriptors.append(address.listener.fileno())
            child[LISTEN_FD] = str(descriptors[0])
    for variable, descriptor in inherited.items():
        descriptors.append(descriptor)
        child[variable] = str(descriptor)
    return tuple(
        Launch(how, argv, variables, storage or str(Path.home()), tuple(descriptors))
        for how, argv, variables in _candidates(service, manifest, address, child, key)
    )


def _candidates(
    service: Service, manifest: Manifest, address: Address | None, child: dict[str, str], key: str
) -> list[tuple[How, tuple[str, ...], dict[str, str]]]:
    bundle = frozen.bundle()
    number = str(address.number) if address else ""

    def filled(part: str) -> str:
        return part.replace("{bundle}", str(bundle)).replace("{port}", number)

    match service.kind:
        case "entry":
            return _entry_candidates(service, bundle, child)
        case "llamafile":
            return [_model_server(manifest, address, child, key)]
        case "command":
            line = tuple(map(filled, service.command))
            if not os.access(line[0], os.X_OK):
                message = f"cannot be started: {line[0]} is missing or not executable"
                raise LaunchError(message)
            return [("command", line, child)]


def _model_server(
    manifest: Manifest, address: Address | None, child: dict[str, str], key: str
) -> tuple[How, tuple[str, ...], dict[str, str]]:
    """Return how the model server is started, or, where its files are new to us, prepared."""
    server, choice = manifest.model_server, llamafile.choose(manifest, child, frozen.bundle())
    if not (server and address and choice):
        message = "has no model server configured"
        raise LaunchError(message)
    folder = runfile.folder(manifest, child) / llamafile.FOLDER
    known = None if choice.missing else llamafile.recall(choice, folder)
    if not known:
        return "prepare", frozen.own_command("model", "prepare"), child | environment.bootloader
    key_file = llamafile.write_key(folder, key) if llamafile.wants_key(server) else ""
    line = llamafile.command(known, server, address.number, key_file)
    return "llamafile", tuple(line), llamafile.child_environment(child, known)


def _entry_candidates(
    service: Service, bundle: Path, child: dict[str, str]
) -> list[tuple[How, tuple[str, ...], dict[str, str]]]:
    found: list[tuple[How, tuple[str, ...], dict[str, str]]] = []
    suffix = ".exe" if os.name == "nt" else ""
    binary = bundle / "services" / service.name / f"{service.name}{suffix}"
    if binary.is_file():
        found.append(("frozen", (str(binary),), child))
    # Our own executable: it needs what its bootloader had set.
    own = frozen.own_command("service", service.name)
    found.append(("artifact", own, child | environment.bootloader))
    if service.script:
        from frostline_runtime.supervision import interpreter  # noqa: PLC0415  # only products with scripts pay

        search = interpreter.search(service.python, service.import_check, bundle, child)
        script = str(bundle / service.script)
        variables = {k: v for k, v in child.items() if k not in {"PYTHONHOME", "PYTHONPATH"}}
        if search.found:
            found.append(("script", (search.found, script), variables))
        elif not service.entry:
            message = f"found no interpreter for {script}: {'; '.join(search.rejected)}"
            raise LaunchError(message)
        if not service.entry:
            found = [candidate for candidate in found if candidate[0] != "artifact"]
    return found


def _known_addresses(
    manifest: Manifest, addresses: Mapping[str, Address], key: str
) -> dict[str, str]:
    known: dict[str, str] = {}
    for service in manifest.services:
        address = addresses.get(service.name)
        if address and service.kind == "llamafile" and manifest.model_server:
            known |= llamafile.addresses(manifest.model_server, address.number, key)
    return known


def inherited_listener() -> socket.socket | None:
    """Return the listening socket that the supervisor has handed to this process."""
    number = os.environ.pop(LISTEN_FD, None)
    return socket.socket(fileno=int(number)) if number else None
