"""Decides how a service is started: its command, its environment, its listening socket."""

import os
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from frostline_runtime import environment, frozen, llamafile, ports
from frostline_runtime.manifest import Manifest, Port, Service
from frostline_runtime.system import current

LISTEN_FD = "FROSTLINE_LISTEN_FD"
PORT = "FROSTLINE_PORT"
SERVICE = "FROSTLINE_SERVICE"


class LaunchError(Exception):
    """A service cannot be started; trying again would not help."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that a spawn needs."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: str
    descriptors: tuple[int, ...]


class Address:
    """The port of one service, with its listening socket as long as that is ours to give."""

    def __init__(self, port: Port) -> None:
        self.listener: socket.socket | None = ports.listen(port)
        self.number: int = self.listener.getsockname()[1]
        if port.by != "socket" or not current.can_inherit_sockets():
            self.close()

    def close(self) -> None:
        """Close our copy of the listening socket."""
        if self.listener:
            self.listener.close()
            self.listener = None


def effective_port(service: Service) -> Port | None:
    """Return the port of *service*; a llamafile always gets one by argument."""
    if service.kind == "llamafile":
        return service.port or Port(mode="ephemeral", by="argument")
    return service.port


def prepare(
    service: Service,
    manifest: Manifest,
    addresses: Mapping[str, Address],
    environ: Mapping[str, str],
) -> Launch:
    """Return how *service* is started. Raises LaunchError, ModelServerError."""
    address = addresses.get(service.name)
    storage = environment.storage_directory(manifest.environment, environ)
    child = dict(environ) | _known_addresses(manifest, addresses) | dict(service.environment)
    child[SERVICE] = service.name
    child["PYTHONUNBUFFERED"] = "1"
    descriptors: tuple[int, ...] = ()
    if address:
        child[PORT] = str(address.number)
        if service.port and service.port.variable:
            child[service.port.variable] = str(address.number)
        if address.listener:
            descriptors = (address.listener.fileno(),)
            child[LISTEN_FD] = str(descriptors[0])
    argv, child = _command(service, manifest, address, child)
    return Launch(argv, child, storage or str(Path.home()), descriptors)


def _command(
    service: Service, manifest: Manifest, address: Address | None, child: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    bundle = frozen.bundle()
    match service.kind:
        case "entry":
            # Our own executable: it needs what its bootloader had set.
            return frozen.own_command("service", service.name), child | environment.bootloader
        case "llamafile":
            server = manifest.model_server
            if not (server and address):
                message = "is a llamafile, but the manifest has no model server"
                raise LaunchError(message)
            executable = llamafile.locate(server, child, bundle)
            if not executable:
                message = "has no model server configured"
                raise LaunchError(message)
            line = llamafile.arguments(server, child, bundle, address.number)
            return (str(executable), *line), llamafile.child_environment(child)
        case "command":
            number = str(address.number) if address else ""
            line = tuple(
                part.replace("{bundle}", str(bundle)).replace("{port}", number)
                for part in service.command
            )
            if not os.access(line[0], os.X_OK):
                message = f"cannot be started: {line[0]} is missing or not executable"
                raise LaunchError(message)
            return line, child


def _known_addresses(manifest: Manifest, addresses: Mapping[str, Address]) -> dict[str, str]:
    known: dict[str, str] = {}
    for service in manifest.services:
        address = addresses.get(service.name)
        if address and service.kind == "llamafile" and manifest.model_server:
            known |= llamafile.addresses(manifest.model_server, address.number)
    return known


def inherited_listener() -> socket.socket | None:
    """Return the listening socket that the supervisor has handed to this process."""
    number = os.environ.pop(LISTEN_FD, None)
    return socket.socket(fileno=int(number)) if number else None


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with closing(ports.listen(Port(mode="ephemeral"))) as listener:
        number: int = listener.getsockname()[1]
        return number
