"""The profile's tables for run time: services, probes, model server, storage, environment."""

from typing import Annotated, Literal

from pydantic import Field

from frostline.profile.table import Entry, Name, PortNumber, Seconds, Serve, Strings, Table


class Environment(Table):
    """Environment variables of the frozen process; `{bundle}` and `{storage}` are those folders."""

    defaults: dict[str, str] = {}
    """Variables that are set unless the user has set them."""
    forced: dict[str, str] = {}
    """Variables that are set even if the user has set them."""
    no_proxy: Strings = ()
    """Hosts that are added to the user's NO_PROXY."""


class Storage(Table):
    """The folder that holds the user's data."""

    variable: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """The variable by which users choose the folder."""
    default: str
    """The folder if *variable* is not set; `~` is the home folder."""
    env_file: bool = True
    """Read `.env` from the folder: it overrides the defaults, the real environment overrides it.

    Lines are `KEY=value`, also with `export` before them, quotes or comments."""


class Port(Table):
    """How a service gets its loopback port."""

    mode: Literal["fixed", "prefer", "ephemeral", "announced"] = "prefer"
    """`fixed` fails if *number* is taken, `prefer` falls back to a free port, `ephemeral` always
    takes a free port, `announced` lets the service choose one and print it.
    """
    number: PortNumber = 0
    """The port; 0: any."""
    by: Literal["socket", "environment", "argument"] = "socket"
    """How the service gets the port: as a listening socket, in *variable* or `FROSTLINE_PORT`, or
    as `{port}` in its command.
    """
    variable: str = ""
    """The environment variable from which the service reads its port."""
    pattern: str = r'"port"\s*:\s*(\d+)'
    """`announced`: a regular expression with one group, the port, for the lines of output."""


class Probe(Table):
    """A check whether a service works."""

    kind: Literal["http", "tcp", "line", "descriptor"] = "http"
    """An HTTP request, a TCP connection, a line of output, or a newline on the file descriptor
    `FROSTLINE_READY_FD` (not on Windows). `line` and `descriptor` work for `startup` only.
    """
    pattern: str = ""
    """`line`: a regular expression that matches the line."""
    path: Annotated[str, Field(pattern=r"^/")] = "/health"
    """`http`: the path of the request."""
    method: Literal["GET", "HEAD"] = "GET"
    """`http`: the method; HEAD if a response body is expensive."""
    statuses: Annotated[tuple[int, ...], Field(min_length=1)] = (200,)
    """`http`: statuses that mean healthy."""
    not_yet: tuple[int, ...] = (503,)
    """`http`: statuses that mean still starting."""
    pointer: str = ""
    """`http`: a JSON pointer into the response."""
    equals: str = ""
    """`http`: the value that must be at *pointer*."""
    timeout: Seconds = 2.0
    """Seconds for the whole response."""
    interval: Seconds = 5.0
    """Seconds between two probes of a running service."""
    failures: Annotated[int, Field(ge=1)] = 3
    """How many failures in a row mean that the service hangs."""


class Service(Table):
    """A process that the artifact runs and watches."""

    name: Name
    """Its name in the ready line, in the log and for `service NAME`."""
    kind: Literal["entry", "command", "llamafile"] = "entry"
    """Whether it is code of the product, a program in the bundle, or the model server."""
    entry: Entry = ""
    """`entry`: as the product's `entry`; empty: that one."""
    serve: Serve | None = None
    """`entry`: how *entry* is called; the product's `serve` if not given."""
    arguments: Strings = ()
    """`entry`: its command-line arguments; `{bundle}`, `{storage}` and `{port}` are replaced."""
    command: Strings = ()
    """`command`: the program and its arguments; `{bundle}` and `{port}` are replaced."""
    needs: tuple[Name, ...] = ()
    """Services that must be ready before this one starts."""
    required: bool = True
    """Whether the artifact fails if this service fails; otherwise it is degraded."""
    enabled: bool = True
    """False: it is started only if the user enables it."""
    port: Port | None = None
    """Its port; without it the service does not listen."""
    startup: Probe | None = None
    """Probed until the service is ready."""
    readiness: Probe | None = None
    """Probed while the service runs: a failure means that it should get no requests."""
    liveness: Probe | None = None
    """Probed while the service runs: *failures* in a row mean that it is restarted. The requests
    also keep a service awake.
    """
    stop_path: Annotated[str, Field(pattern=r"^(/.*)?$")] = ""
    """A path: a POST to it asks the service to stop, a second before the signal."""
    grace: Seconds = 5.0
    """Seconds between asking the service to stop and killing it."""
    start_timeout: Seconds | None = None
    """Seconds without output after which a start fails; 60 if not given, 300 for a llamafile."""
    start_longest: Seconds = 600.0
    """Seconds after which a start fails even if there is output."""
    restart: Literal["always", "on-failure", "never"] = "always"
    """After which exits the service is restarted."""
    retry_after: Annotated[float, Field(ge=0)] = 0.0
    """Seconds after which a service that was given up is started once more; 0: never."""
    script: str = ""
    """A Python script in the bundle that is run with an interpreter of the user's machine."""
    python: str = ""
    """The version that the interpreter must have, such as `3.12`; empty: any."""
    import_check: Strings = ()
    """Modules that the interpreter must be able to import."""
    environment: dict[str, str] = {}
    """Further environment variables of this service."""


class ModelServer(Table):
    """The llamafile that serves the model, and the variables that hold its address."""

    executable: str = ""
    """A llamafile in the bundle (`{bundle}/…`) or a fetched one (`{storage}/…`); empty: the user
    names one.
    """
    variable: str = ""
    """The variable by which users name another executable."""
    model: str = ""
    """A GGUF file (`{bundle}/…` or `{storage}/…`); empty: the model inside the llamafile."""
    model_variable: str = ""
    """The variable by which users name another model."""
    context: Annotated[int, Field(ge=0)] = 0
    """The size of the context in tokens; 0: the model's own."""
    gpu_layers: Annotated[int, Field(ge=0)] = 0
    """How many layers run on the GPU; 0: none."""
    predict: Annotated[int, Field(ge=-1)] = -1
    """The largest number of generated tokens per request; -1: no limit."""
    arguments: Strings = ()
    """Further arguments of the llamafile."""
    command: Strings = ()
    """All arguments, instead of those that frostline chooses for the llamafile's version; `{port}`,
    `{model}` and `{key_file}` are replaced.
    """
    addresses: dict[str, str] = {}
    """Variables that are set for the other services; `{url}` is the server's address. If one
    contains `{key}`, the server requires a key, which is new at each start.
    """
    smoke: str = ""
    """The product that is used as the model server in smoke tests."""
