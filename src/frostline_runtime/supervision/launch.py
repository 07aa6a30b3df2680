"""Decides how a service is started: its command, environment and listening socket."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frostline_runtime.artifact import environment, frozen
from frostline_runtime.artifact.locations import Locations
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
    """A service cannot be started, now or later."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One way to start a service."""

    how: How
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: str
    descriptors: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the launches of all services share; *key* is for the model server, if it wants one."""

    manifest: Manifest
    locations: Locations
    environ: Mapping[str, str]
    key: str


class Address:
    """The port of a service, and its listening socket if the supervisor opens it."""

    def __init__(self, port: Port, remembered: int = 0) -> None:
        """Listen on *port*, preferably where it was *remembered*. Raises PortError."""
        self._port = port
        self.listener: socket.socket | None = None
        self.number = 0
        self._listen(remembered)

    def renew(self) -> None:
        """Choose a free port after this one was found taken."""
        self.close()
        self._port = Port(mode="ephemeral", by=self._port.by, variable=self._port.variable)
        self._listen(0)

    def close(self) -> None:
        """Close this process's copy of the listening socket."""
        if self.listener:
            self.listener.close()
            self.listener = None

    def forget(self) -> None:
        """Forget an announced port: the next run announces its own."""
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
    """Return the port of *service*; a llamafile always has one, given by argument."""
    if service.kind == "llamafile":
        return service.port or Port(mode="ephemeral", by="argument")
    return service.port


def candidates(
    service: Service, context: Context, addresses: Mapping[str, Address],
    inherited: Mapping[str, int],
) -> tuple[Launch, ...]:  # fmt: skip
    """Return how *service* can be started, best first. Raises LaunchError, ModelServerError.

    *inherited* are further descriptors for the service, by the variables that name them. The
    variable that numbers the run is added later.
    """
    address = addresses.get(service.name)
    child = dict(context.environ) | _known_addresses(context, addresses) | dict(service.environment)
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
    folder = _folder(context)
    return tuple(
        Launch(how, argv, variables, folder, tuple(descriptors))
        for how, argv, variables in _commands(service, context, address, child)
    )


def _folder(context: Context) -> str:
    """Return the folder that services run in."""
    match context.manifest.working_directory:
        case "caller":
            return str(Path.cwd())
        case "home":
            return str(Path.home())
        case "storage":
            return str(context.locations.storage or Path.home())


def _commands(
    service: Service, context: Context, address: Address | None, child: dict[str, str]
) -> list[tuple[How, tuple[str, ...], dict[str, str]]]:
    bundle = context.locations.bundle
    number = str(address.number) if address else ""

    def filled(part: str) -> str:
        return part.replace("{bundle}", str(bundle)).replace("{port}", number)

    match service.kind:
        case "entry":
            return _entry_commands(service, bundle, child)
        case "llamafile":
            return [_model_server(context, address, child)]
        case "command":
            line = tuple(map(filled, service.command))
            if not os.access(line[0], os.X_OK):
                message = f"cannot be started: {line[0]} is missing or not executable"
                raise LaunchError(message)
            return [("command", line, child)]


def _model_server(
    context: Context, address: Address | None, child: dict[str, str]
) -> tuple[How, tuple[str, ...], dict[str, str]]:
    """Return how to start the model server, or how to prepare it if its files are new."""
    locations, server = context.locations, context.manifest.model_server
    files = llamafile.choose(context.manifest, child, locations)
    if not (server and address and files):
        message = "has no model server configured"
        raise LaunchError(message)
    folder = locations.state / llamafile.FOLDER
    known = None if files.missing else llamafile.recall(files, folder)
    if not known:
        # The preparation must work out the same folders as the supervisor.
        variable = context.manifest.environment.storage_variable
        storage = {variable: str(locations.storage)} if locations.storage else {}
        line = frozen.own_command("model", "prepare")
        return "prepare", line, child | storage | environment.bootloader
    key_file = llamafile.write_key(folder, context.key) if llamafile.wants_key(server) else ""
    line = tuple(llamafile.command(known, server, address.number, key_file))
    return "llamafile", line, llamafile.child_environment(child, known)


def _entry_commands(
    service: Service, bundle: Path, child: dict[str, str]
) -> list[tuple[How, tuple[str, ...], dict[str, str]]]:
    found: list[tuple[How, tuple[str, ...], dict[str, str]]] = []
    suffix = ".exe" if os.name == "nt" else ""
    binary = bundle / "services" / service.name / f"{service.name}{suffix}"
    if binary.is_file():
        found.append(("frozen", (str(binary),), child))
    if service.entry or not service.script:
        # This executable again: it needs the variables of its bootloader.
        own = frozen.own_command("service", service.name)
        found.append(("artifact", own, child | environment.bootloader))
    if service.script:
        from frostline_runtime.supervision import interpreter  # noqa: PLC0415  # only for scripts

        search = interpreter.search(service.python, service.import_check, bundle, child)
        script = str(bundle / service.script)
        variables = {k: v for k, v in child.items() if k not in {"PYTHONHOME", "PYTHONPATH"}}
        if search.found:
            found.append(("script", (search.found, script), variables))
        elif not found:
            message = f"found no interpreter for {script}: {'; '.join(search.rejected)}"
            raise LaunchError(message)
    return found


def _known_addresses(context: Context, addresses: Mapping[str, Address]) -> dict[str, str]:
    known: dict[str, str] = {}
    server = context.manifest.model_server
    for service in context.manifest.services:
        address = addresses.get(service.name)
        if address and server and service.kind == "llamafile":
            known |= llamafile.addresses(server, address.number, context.key)
    return known


def inherited_listener() -> socket.socket | None:
    """Return the listening socket that this process has inherited from the supervisor."""
    number = os.environ.pop(LISTEN_FD, None)
    return socket.socket(fileno=int(number)) if number else None
