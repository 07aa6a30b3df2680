"""What a profile says of the run time: services, probes, model server, storage, variables."""

from typing import Annotated, Literal

from pydantic import Field

from frostline.profile.table import EntryOrNone, Name, PortNumber, Seconds, Serve, Strings, Table


class Environment(Table):
    """Variables of the frozen process; `{bundle}` and `{storage}` stand for those folders."""

    defaults: dict[str, str] = {}
    """Kept as they are where the user has set them."""
    forced: dict[str, str] = {}
    """Set whatever the user has."""
    no_proxy: Strings = ()
    """Hosts merged into the user's NO_PROXY."""


class Storage(Table):
    """The folder that holds the user's data."""

    variable: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """The user's variable that moves it."""
    default: str
    """Where it is otherwise; `~` is the home folder."""
    env_file: bool = True
    """Read `.env` from it: stronger than the defaults, weaker than the real environment."""


class Port(Table):
    """How a service comes by its loopback port."""

    mode: Literal["fixed", "prefer", "ephemeral", "announced"] = "prefer"
    """`fixed` fails where *number* is taken, `prefer` falls back to a free port, `ephemeral` always
    takes a free one, `announced` lets the service choose and say it on a line of its output.
    """
    number: PortNumber = 0
    """0: none in particular."""
    by: Literal["socket", "environment", "argument"] = "socket"
    """How the service is told: a listening socket, `variable` or `FROSTLINE_PORT`, or `{port}` in
    its command.
    """
    variable: str = ""
    """The name of the variable that the service itself reads."""
    pattern: str = r'"port"\s*:\s*(\d+)'
    """`announced`: the regular expression whose group is the port."""


class Probe(Table):
    """What tells whether a service answers."""

    kind: Literal["http", "tcp", "line", "descriptor"] = "http"
    """A question, a connection that is taken, a line of output, or a newline on the descriptor
    `FROSTLINE_READY_FD` (not on Windows). The last two only for `startup`.
    """
    pattern: str = ""
    """`line`: the regular expression that finds the line."""
    path: Annotated[str, Field(pattern=r"^/")] = "/health"
    """What is asked for."""
    method: Literal["GET", "HEAD"] = "GET"
    """How; HEAD where an answer is expensive."""
    statuses: Annotated[tuple[int, ...], Field(min_length=1)] = (200,)
    """Answers that mean yes."""
    not_yet: tuple[int, ...] = (503,)
    """Answers that mean: still starting."""
    pointer: str = ""
    """A JSON pointer into the answer …"""
    equals: str = ""
    """… and the value it must have."""
    timeout: Seconds = 2.0
    """Seconds for the whole answer."""
    interval: Seconds = 5.0
    """Seconds between two questions to a service that runs."""
    failures: Annotated[int, Field(ge=1)] = 3
    """Questions without an answer, one after the other, that mean: hung."""


class Service(Table):
    """A process that the artifact runs and watches."""

    name: Name
    """What the ready line, the log and `service NAME` call it."""
    kind: Literal["entry", "command", "llamafile"] = "entry"
    """Code of the product, a program in the bundle, or the model server."""
    entry: EntryOrNone = ""
    """`module:attribute`; the product's own entry if empty."""
    serve: Serve | None = None
    """How *entry* is called; as the product's if not given."""
    command: Strings = ()
    """Program and arguments; `{bundle}` and `{port}` are filled in."""
    needs: tuple[Name, ...] = ()
    """Services that must be ready before this one starts."""
    required: bool = True
    """The artifact fails with it; otherwise it is degraded."""
    enabled: bool = True
    """False: not started unless the user switches it on."""
    port: Port | None = None
    """None: it listens on nothing."""
    startup: Probe | None = None
    """Asked until the service is ready."""
    readiness: Probe | None = None
    """Asked while it runs: should it get requests?"""
    liveness: Probe | None = None
    """Asked while it runs: should it be started again? Its questions also keep a service awake."""
    stop_path: Annotated[str, Field(pattern=r"^(/.*)?$")] = ""
    """A POST here asks it to stop, a second before the signal does."""
    grace: Seconds = 5.0
    """Seconds between the request to stop and the end by force."""
    start_timeout: Seconds | None = None
    """Seconds without a sign of progress (output) after which a start has failed; 60 if not given,
    300 for a llamafile.
    """
    start_longest: Seconds = 600.0
    """Seconds after which a start has failed, progress or not."""
    restart: Literal["always", "on-failure", "never"] = "always"
    """Which ends are followed by a new start."""
    retry_after: Annotated[float, Field(ge=0)] = 0.0
    """Seconds after which a service that was given up is tried once more; 0: never."""
    script: str = ""
    """A Python script in the bundle that is run by an interpreter found on the machine."""
    python: str = ""
    """The version that interpreter must have, such as `3.12`; any if empty."""
    import_check: Strings = ()
    """Modules that the interpreter must have."""
    environment: dict[str, str] = {}
    """Further variables of this service."""


class ModelServer(Table):
    """The llamafile that serves the model, and who is told of it."""

    executable: str = ""
    """A llamafile in the bundle (`{bundle}/…`), or one that is fetched (`{storage}/…`); empty: only
    the user names one.
    """
    variable: str = ""
    """The user's variable that names the executable."""
    model: str = ""
    """A GGUF (`{bundle}/…`, `{storage}/…`); empty: the one inside the llamafile."""
    model_variable: str = ""
    """The user's variable that names the model."""
    context: Annotated[int, Field(ge=0)] = 0
    """Tokens; 0: what the model was made for."""
    gpu_layers: Annotated[int, Field(ge=0)] = 0
    """0: the processor alone."""
    predict: Annotated[int, Field(ge=-1)] = -1
    """Most tokens of an answer; -1: no limit."""
    arguments: Strings = ()
    """Further arguments of the llamafile."""
    command: Strings = ()
    """All its arguments instead of those that its version wants; `{port}`, `{model}` and
    `{key_file}` are filled in.
    """
    addresses: dict[str, str] = {}
    """Variables of the other services; `{url}` is the server's address. Where one holds `{key}`,
    the server asks for a key that is made anew at each start.
    """
    smoke: str = ""
    """The product that plays the model server in smoke tests."""
