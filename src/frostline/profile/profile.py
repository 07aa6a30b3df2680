"""The profile of a product, `specs/<product>.toml`: its fields and their defaults."""

import json
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Layout = Literal["onedir", "onefile"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Entry = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
EntryOrNone = Annotated[str, Field(pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_][\w.]*)?$")]
Serve = Literal["function", "asgi", "wsgi"]
PortNumber = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Strings = tuple[str, ...]


class Table(BaseModel):
    """What every table of a profile has in common: unknown keys are mistakes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class Executable(Table):
    """A further executable of the bundle; all share one runtime."""

    name: Name
    """Its file name."""
    entry: Entry
    """`module:function`."""
    console: bool = True
    """False: no console window on Windows."""


class Package(Table):
    """What is collected of one installed package beyond what analysis finds."""

    submodules: bool = False
    """All its modules, also those that nothing imports by name."""
    data: bool = False
    """Its files that are not modules."""
    binaries: bool = False
    """Its shared libraries."""
    metadata: bool = False
    """Its `*.dist-info`, for `importlib.metadata`."""
    entry_points: bool = False
    """The modules that its entry points name."""


class Data(Table):
    """Files for the bundle: *source* (file, folder, or folder and glob) under *destination*."""

    destination: str
    """Folder in the bundle; `.` is its root."""
    source: str
    """File or folder, from the root of the project; `{work}/…` is what a `before` step has made."""
    glob: str = "**/*"
    """Which files of a folder; relative folders are kept."""
    symlinks: Literal["follow", "keep", "refuse"] = "refuse"
    """What becomes of links among them."""


class Icon(Table):
    """The icon of the executable, by system."""

    linux: str = ""
    """PNG or SVG."""
    darwin: str = ""
    """ICNS."""
    windows: str = ""
    """ICO."""


class About(Table):
    """Whose program it is, for the system to show."""

    company: str = ""
    """Windows' properties: who makes it."""
    copyright: str = ""
    """Windows' properties."""
    description: str = ""
    """Windows' properties and task manager; the title, if empty."""
    identifier: str = Field("", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?$")
    """macOS: what its signature calls it, such as `org.example.argo`."""


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


class Before(Table):
    """A step before the freeze, such as a web build."""

    name: str
    """What the step is called on the screen."""
    run: Annotated[Strings, Field(min_length=1)]
    """`{python}`: the interpreter (of *requirements*, if given); `{work}`: the work folder."""
    inputs: Strings = ()
    """Files and folders that the step reads; when they change, it runs again."""
    outputs: Annotated[Strings, Field(min_length=1)]
    """What must be there afterwards."""
    requirements: str = ""
    """A hashed lock of its own; `{python}` is then an interpreter that has it."""
    network: bool = False
    """It fetches something: a build in a container has no network otherwise."""


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


class Request(Table):
    """A request that the smoke test makes, and the answer it must get."""

    name: str
    """What the report calls it."""
    service: Name = "api"
    """Who is asked."""
    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    """How it is asked."""
    path: Annotated[str, Field(pattern=r"^/")]
    """What is asked for."""
    json_body: dict[str, str | int | float | bool] | None = None
    """Sent as JSON; `{nonce}` becomes a random word."""
    status: int = 200
    """The status that the answer must have."""
    contains: str = ""
    """Text that the answer must contain."""
    pointer: str = ""
    """A JSON pointer into the answer, for *equals* and *at_least*."""
    equals: str = ""
    """The value there, as text."""
    at_least: float | None = None
    """The least number there."""
    from_model: bool = False
    """The model server must have generated as many tokens as *pointer* counts."""


class Command(Table):
    """A command line of the artifact that the smoke test runs."""

    arguments: Strings
    """What follows the name of the executable."""
    exit_code: int = 0
    """What it must end with."""
    contains: str = ""
    """Text that its output must contain."""


class Waiver(Table):
    """A finding of the audit that a product lives with, for a reason and for a time."""

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z-]+)+$")]
    """Which finding."""
    file: str = "*"
    """A pattern of the files in the bundle that it holds for."""
    reason: Annotated[str, Field(min_length=10)]
    """Why; it is said in every report."""
    expires: date
    """The last day on which it holds."""


class Audit(Table):
    """What the audit of the bundle is to allow."""

    largest: Annotated[int, Field(ge=0)] = 0
    """Most megabytes that the bundle may have; 0: no budget."""
    waivers: tuple[Waiver, ...] = ()
    """What does not count, for now."""


class Smoke(Table):
    """What the smoke test asks of the artifact."""

    timeout: Seconds = 60.0
    """Seconds until the artifact must be healthy."""
    offline: bool = True
    """Run without any network but the machine's own; false for a product that needs it."""
    read_only: bool = True
    """Run from a folder that cannot be written; false for a product that keeps files there."""
    requests: tuple[Request, ...] = ()
    """Made once it is healthy."""
    commands: tuple[Command, ...] = ()
    """Run before it is started."""
    entry_points: Strings = ()
    """Groups whose entry points must all load inside."""


class NativeWheel(Table):
    """A native package that the index has only as source; `invoke wheels` builds it."""

    name: str = ""
    """A package of the lock, which is built from the source archive that the lock has a hash of."""
    source: str = ""
    """Or a folder of the project with a native package."""
    config_settings: dict[str, str] = {}
    """For its build backend."""
    environment: dict[str, str] = {}
    """Variables while it is built."""
    test: str = ""
    """A command that must succeed where nothing but the wheel is installed."""
    test_requires: Strings = ()
    """What the test needs besides."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.name) == bool(self.source):
            message = "either name or source"
            raise ValueError(message)
        return self


class Signing(Table):
    """Who signs what is shipped; keys and passwords are not here."""

    identity: str = ""
    """macOS: a Developer ID of the keychain."""
    entitlements: str = ""
    """macOS: a plist; what a frozen Python needs, if empty."""
    notary_profile: str = ""
    """macOS: what `notarytool store-credentials` has saved; not notarised, if empty."""
    thumbprint: str = ""
    """Windows: the SHA-1 of a certificate of the store, for signtool."""
    certificate: str = ""
    """Windows, by osslsigncode on any system: a file with the certificate and its chain."""
    key: str = ""
    """Its key; the password is in the variable FROSTLINE_SIGN_PASSWORD."""
    authority: str = ""
    """The authority that it is verified against; the certificate itself, if empty."""
    timestamp: str = ""
    """Windows: an RFC 3161 server; without it signatures end with the certificate."""
    minisign: str = ""
    """Archives: a secret key of minisign."""
    gpg: str = ""
    """Archives: or a key of GPG."""


class Profile(Table):
    """A product: what is frozen, how, and what it must do."""

    model_config = ConfigDict(title="frostline profile")

    schema_: Literal[1] = Field(1, alias="schema")
    """The version of this format."""
    base: str = ""
    """Another product, whose profile this one changes: tables are merged, all else is replaced."""
    title: str = ""
    """For people; the name of the project if empty."""
    platforms: Strings = ()
    """Where it is built; everywhere, if empty."""
    source: str
    """The product's project: a folder with a pyproject.toml that tells name and version."""
    requirements: str
    """The hashed lock of its dependencies and of PyInstaller."""
    entry: Entry
    """What runs: `module:attribute`."""
    serve: Serve = "function"
    """*entry* is a function, or an application that a server runs."""
    working_directory: Literal["storage", "home"] = "storage"
    """Where services run."""
    layout: Layout = "onedir"
    """A folder, or one file that unpacks itself at each start."""
    console: bool = True
    """False: no console window on Windows."""
    strip: bool = True
    """Take symbol tables out of the libraries (Linux)."""
    prune: bool = True
    """Leave out what no running product needs: test suites, documentation, type stubs."""
    icon: Icon = Icon()
    """Files, by system."""
    about: About = About()
    """Whose program it is."""
    executables: tuple[Executable, ...] = ()
    """Further executables in the same bundle."""
    hidden_imports: Strings = ()
    """Modules that analysis does not see."""
    excludes: Strings = ()
    """Modules that are left out."""
    packages: dict[str, Package] = {}
    """What to collect of single packages."""
    hooks: Strings = ()
    """Folders with PyInstaller hooks, before frostline's own."""
    runtime_hooks: Strings = ()
    """Scripts that run inside before the product."""
    data: tuple[Data, ...] = ()
    """Files for the bundle."""
    environment: Environment = Environment()
    """What the frozen process finds in its environment."""
    storage: Storage | None = None
    """The folder for the user's data; none: the product keeps none."""
    wheels: tuple[NativeWheel, ...] = ()
    """What is compiled once, before any build."""
    before: tuple[Before, ...] = ()
    """Steps before the freeze."""
    check_unfrozen: bool = True
    """Start the product from source before it is frozen."""
    resources: tuple[Name, ...] = ()
    """Pinned downloads, by their names in `resources/resources.toml`."""
    services: tuple[Service, ...] = ()
    """Processes that the artifact runs; none: it is a plain program."""
    model_server: ModelServer | None = None
    """The llamafile behind the service of kind `llamafile`."""
    console_scripts: Strings = ()
    """Scripts that `run SCRIPT` must be able to run inside."""
    signing: Signing = Signing()
    """Who signs what is shipped."""
    audit: Audit = Audit()
    """What the audit of the bundle is to allow."""
    smoke: Smoke = Smoke()
    """What the finished artifact must be able to do."""
    overrides: dict[str, dict[str, object]] = {}
    """Tables by platform or layout, merged over the rest."""

    def not_acted_on(self) -> tuple[str, ...]:
        """Return the fields that are set and that this version of frostline does not act on."""
        used = {
            "executables": self.executables,
            "working_directory = home": self.working_directory != "storage",
            "data.*.symlinks = keep": any(d.symlinks == "keep" for d in self.data),
        }
        return tuple(name for name, value in used.items() if value)


def schema() -> str:
    """Return the JSON Schema of a profile as text."""
    document = Profile.model_json_schema(by_alias=True)
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
