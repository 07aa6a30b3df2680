"""The manifest, `frostline.json`: all that the build tells the run time."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

SCHEMA = 1
FILE_NAME = "frostline.json"

Serve = Literal["function", "asgi", "wsgi"]
Kind = Literal["entry", "command", "llamafile"]
PortMode = Literal["fixed", "prefer", "ephemeral", "announced"]
Restart = Literal["always", "on-failure", "never"]
When = Literal["first-run", "asked"]
WorkingDirectory = Literal["storage", "home", "caller"]
PortBy = Literal["socket", "environment", "argument"]
ProbeKind = Literal["http", "tcp", "line", "descriptor"]


class ManifestError(Exception):
    """The manifest is missing or was written by another version of frostline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """How a service gets its port, always on the loopback interface.

    With mode `announced` it chooses the port itself, and *pattern* finds it in its output.
    """

    mode: PortMode = "prefer"
    number: int = 0
    by: PortBy = "socket"
    variable: str = ""
    pattern: str = r'"port"\s*:\s*(\d+)'


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How to find out whether a service is up. Times are seconds.

    *kind* is an HTTP request, a TCP connection, a line of output that matches *pattern*, or a
    newline on the descriptor FROSTLINE_READY_FD. The last two are for startup only.
    """

    kind: ProbeKind = "http"
    pattern: str = ""
    path: str = "/health"
    method: Literal["GET", "HEAD"] = "GET"
    statuses: tuple[int, ...] = (200,)
    not_yet: tuple[int, ...] = (503,)
    pointer: str = ""
    equals: str = ""
    timeout: float = 2.0
    interval: float = 5.0
    failures: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that the supervisor runs. Times are seconds.

    *start_timeout* counts from the last sign of progress, *start_longest* from the start.
    """

    name: str
    kind: Kind = "entry"
    entry: str = ""
    serve: Serve = "function"
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    required: bool = True
    enabled: bool = True
    port: Port | None = None
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    start_timeout: float = 60.0
    start_longest: float = 600.0
    stop_path: str = ""
    grace: float = 5.0
    restart: Restart = "always"
    retry_after: float = 0.0
    script: str = ""
    python: str = ""
    import_check: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file that is downloaded on the user's machine, at first run or by `model pull`.

    *size* is in bytes, 0 if unknown. *destination* is relative to the folder for data.
    *unverified* says why size or hash are not known.
    """

    name: str
    urls: tuple[str, ...]
    destination: str
    when: When = "asked"
    size: int = 0
    sha256: str = ""
    licence: str = ""
    executable: bool = False
    unverified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """The model server, and the variables that tell other services its address."""

    executable: str = ""
    variable: str = ""
    model: str = ""
    model_variable: str = ""
    context: int = 0
    gpu_layers: int = 0
    predict: int = -1
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """How the environment of the artifact is changed; see `environment.resolve`."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)
    no_proxy: tuple[str, ...] = ()
    storage_variable: str = ""
    storage_default: str = ""
    env_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All facts about a product that its artifact needs.

    The fields from *modules* to *libraries* are what the self-test checks: modules, versions of
    distributions, groups of entry points, hashes of files, and paths of native libraries.
    """

    product: str
    name: str
    version: str
    layout: str
    entry: str
    serve: Serve = "function"
    environment: Environment = Environment()
    services: tuple[Service, ...] = ()
    model_server: ModelServer | None = None
    resources: tuple[Resource, ...] = ()
    console_scripts: tuple[str, ...] = ()
    working_directory: WorkingDirectory = "storage"
    modules: tuple[str, ...] = ()
    distributions: Mapping[str, str] = field(default_factory=dict)
    entry_points: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    schema: int = SCHEMA

    def service(self, name: str) -> Service:
        """Return the service called *name*. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)


def dump(manifest: Manifest) -> str:
    """Return *manifest* as sorted, indented JSON text."""
    return json.dumps(asdict(manifest), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def parse(text: str) -> Manifest:
    """Return the manifest in *text*. Raises ManifestError if it is damaged or of another schema."""
    try:
        return _parsed(text)
    except (ValueError, LookupError, TypeError) as error:
        message = f"{FILE_NAME} is damaged ({error!r}): install this artifact again."
        raise ManifestError(message) from None


def _parsed(text: str) -> Manifest:
    raw = json.loads(text)
    if raw["schema"] != SCHEMA:
        found = raw["schema"]
        message = f"{FILE_NAME} has schema {found}, this artifact reads {SCHEMA}: build it again."
        raise ManifestError(message)
    raw["services"] = tuple(_service(item) for item in raw["services"])
    environment = raw["environment"]
    raw["environment"] = Environment(**{**environment, "no_proxy": tuple(environment["no_proxy"])})
    if raw["model_server"]:
        server = raw["model_server"]
        lines = {key: tuple(server[key]) for key in ("arguments", "command")}
        raw["model_server"] = ModelServer(**{**server, **lines})
    raw["resources"] = tuple(
        Resource(**{**item, "urls": tuple(item["urls"])}) for item in raw["resources"]
    )
    for key in ("console_scripts", "modules", "entry_points", "libraries"):
        raw[key] = tuple(raw[key])
    return Manifest(**raw)


def load(folder: Path) -> Manifest:
    """Return the manifest in *folder*. Raises ManifestError."""
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"{folder / FILE_NAME} is missing: this artifact is incomplete, install it again."
        raise ManifestError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{folder / FILE_NAME} cannot be read ({error}): install this artifact again."
        raise ManifestError(message) from None
    return parse(text)


def _service(raw: dict[str, object]) -> Service:
    values = dict(raw)
    for key in ("arguments", "command", "needs", "import_check"):
        values[key] = tuple(_list(values[key]))
    if values["port"]:
        values["port"] = Port(**_dict(values["port"]))
    for role in ("startup", "readiness", "liveness"):
        if values[role]:
            probe = _dict(values[role])
            for key in ("statuses", "not_yet"):
                probe[key] = tuple(_list(probe[key]))
            values[role] = Probe(**probe)
    return Service(**values)  # type: ignore[arg-type]  # JSON that `dump` wrote


def _list(value: object) -> list[str]:
    return list(value) if isinstance(value, list) else []


def _dict(value: object):  # type: ignore[no-untyped-def]  # noqa: ANN202  # JSON that `dump` wrote
    return dict(value) if isinstance(value, dict) else {}
