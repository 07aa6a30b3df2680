"""The profile of a product, `specs/<product>.toml`: its fields, its defaults, its mistakes."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frostline import mistakes, toml_lines
from frostline.errors import Problem, ProfileError, did_you_mean
from frostline.mistakes import Mistake, is_table
from frostline.platforms import PLATFORMS
from frostline.workspace import Target, Workspace

SCHEMA = 1

Layout = Literal["onedir", "onefile"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Entry = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
EntryOrNone = Annotated[str, Field(pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_][\w.]*)?$")]
Serve = Literal["function", "asgi", "wsgi"]
PortNumber = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Strings = tuple[str, ...]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class Executable(_Table):
    """A further executable of the bundle; all share one runtime."""

    name: Name
    entry: Entry
    console: bool = True


class Package(_Table):
    """What is collected of one installed package beyond what analysis finds."""

    submodules: bool = False
    data: bool = False
    binaries: bool = False
    metadata: bool = False
    entry_points: bool = False


class Data(_Table):
    """Files for the bundle: *source* (file, folder, or folder and glob) under *destination*."""

    destination: str
    source: str
    glob: str = "**/*"
    symlinks: Literal["follow", "keep", "refuse"] = "refuse"


class Icon(_Table):
    """The icon of the executable, by system."""

    linux: str = ""
    darwin: str = ""
    windows: str = ""


class Environment(_Table):
    """Variables of the frozen process; `{bundle}` and `{storage}` stand for those folders."""

    defaults: dict[str, str] = {}
    """Kept as they are where the user has set them."""
    forced: dict[str, str] = {}
    """Set whatever the user has."""
    no_proxy: Strings = ()
    """Hosts merged into the user's NO_PROXY."""


class Storage(_Table):
    """The folder that holds the user's data."""

    variable: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    default: str
    env_file: bool = True
    """Read `.env` from it: stronger than the defaults, weaker than the real environment."""


class Before(_Table):
    """A step before the freeze, such as a web build."""

    name: str
    run: Annotated[Strings, Field(min_length=1)]
    """`{python}`: the interpreter (of *requirements*, if given); `{work}`: the work folder."""
    inputs: Strings = ()
    outputs: Annotated[Strings, Field(min_length=1)]
    requirements: str = ""


class Resource(_Table):
    """A pinned download."""

    name: str
    url: str
    mirrors: Strings = ()
    size: Annotated[int, Field(gt=0)]
    sha256: Sha256
    licence: str
    executable: bool = False
    unpack: Literal["", "zip", "tar"] = ""
    destination: str
    when: Literal["build", "first-run"] = "build"
    platforms: Strings = ()


class Port(_Table):
    """How a service comes by its loopback port."""

    mode: Literal["fixed", "prefer", "ephemeral", "announced"] = "prefer"
    number: PortNumber = 0
    by: Literal["socket", "environment", "argument"] = "socket"
    variable: str = ""


class Probe(_Table):
    """An HTTP question to a service."""

    path: Annotated[str, Field(pattern=r"^/")] = "/health"
    method: Literal["GET", "HEAD"] = "GET"
    statuses: Annotated[tuple[int, ...], Field(min_length=1)] = (200,)
    not_yet: tuple[int, ...] = (503,)
    pointer: str = ""
    """A JSON pointer into the answer …"""
    equals: str = ""
    """… and the value it must have."""
    timeout: Seconds = 2.0


class Service(_Table):
    """A process that the artifact runs and watches."""

    name: Name
    kind: Literal["entry", "command", "llamafile"] = "entry"
    entry: EntryOrNone = ""
    serve: Serve | None = None
    command: Strings = ()
    needs: tuple[Name, ...] = ()
    required: bool = True
    port: Port | None = None
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    keep_alive: Seconds | None = None
    """Seconds between pings that keep the service awake."""
    stop: Literal["terminate", "http"] = "terminate"
    stop_path: str = ""
    grace: Seconds = 5.0
    start_timeout: Seconds = 60.0
    environment: dict[str, str] = {}


class ModelServer(_Table):
    """The llamafile that serves the model, and who is told of it."""

    executable: str = ""
    variable: str = ""
    """The user's variable that names the executable."""
    model: str = ""
    model_variable: str = ""
    context: Annotated[int, Field(ge=0)] = 0
    gpu_layers: Annotated[int, Field(ge=0)] = 0
    predict: Annotated[int, Field(ge=-1)] = -1
    arguments: Strings = ()
    addresses: dict[str, str] = {}
    """Variables of the other services; `{url}` is the server's address."""
    smoke: str = ""
    """The product that plays the model server in smoke tests."""


class Request(_Table):
    """A request that the smoke test makes, and the answer it must get."""

    name: str
    service: Name = "api"
    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    path: Annotated[str, Field(pattern=r"^/")]
    json_body: dict[str, str | int | float | bool] | None = None
    status: int = 200
    contains: str = ""
    pointer: str = ""
    equals: str = ""
    at_least: float | None = None
    from_model: bool = False
    """The model server must have generated as many tokens as *pointer* counts."""


class Command(_Table):
    """A command line of the artifact that the smoke test runs."""

    arguments: Strings
    exit_code: int = 0
    contains: str = ""


class Smoke(_Table):
    """What the smoke test asks of the artifact."""

    timeout: Seconds = 60.0
    offline: bool = False
    read_only: bool = False
    requests: tuple[Request, ...] = ()
    commands: tuple[Command, ...] = ()
    metadata: Strings = ()
    entry_points: Strings = ()


class Profile(_Table):
    """A product: what is frozen, how, and what it must do."""

    model_config = ConfigDict(title="frostline profile")

    schema_: Literal[1] = Field(1, alias="schema")
    title: str = ""
    source: str
    """The product's project: a folder with a pyproject.toml that tells name and version."""
    requirements: str
    """The hashed lock of its dependencies and of PyInstaller."""
    entry: Entry
    serve: Serve = "function"
    working_directory: Literal["storage", "home"] = "storage"
    layout: Layout = "onedir"
    console: bool = True
    strip: bool = True
    icon: Icon = Icon()
    executables: tuple[Executable, ...] = ()
    hidden_imports: Strings = ()
    excludes: Strings = ()
    packages: dict[str, Package] = {}
    hooks: Strings = ()
    runtime_hooks: Strings = ()
    data: tuple[Data, ...] = ()
    environment: Environment = Environment()
    storage: Storage | None = None
    before: tuple[Before, ...] = ()
    check_unfrozen: bool = True
    """Start the product from source before it is frozen."""
    resources: tuple[Resource, ...] = ()
    services: tuple[Service, ...] = ()
    model_server: ModelServer | None = None
    console_scripts: Strings = ()
    smoke: Smoke = Smoke()
    overrides: dict[str, dict[str, object]] = {}
    """Tables by platform or layout, merged over the rest."""

    def not_acted_on(self) -> tuple[str, ...]:
        """Return the fields that are set and that this version of frostline does not act on."""
        used = {
            "executables": self.executables,
            "resources": self.resources,
            "working_directory = home": self.working_directory != "storage",
            "smoke.offline": self.smoke.offline,
            "smoke.read_only": self.smoke.read_only,
            "services.*.readiness": any(s.readiness for s in self.services),
            "services.*.liveness": any(s.liveness for s in self.services),
            "services.*.keep_alive": any(s.keep_alive for s in self.services),
            "services.*.stop = http": any(s.stop == "http" for s in self.services),
            "services.*.port.mode = announced": any(
                s.port and s.port.mode == "announced" for s in self.services
            ),
        }
        return tuple(name for name, value in used.items() if value)


def schema() -> str:
    """Return the JSON Schema of a profile as text."""
    document = Profile.model_json_schema(by_alias=True)
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def load(workspace: Workspace, target: Target) -> Profile:
    """Return the profile of *target* with its overrides applied.

    Raises UsageError for an unknown product, ProfileError with every mistake at once.
    """
    path = workspace.profile(workspace.require_product(target.product))
    shown = path.relative_to(workspace.root).as_posix()
    text = path.read_text(encoding="utf-8")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([_syntax_problem(shown, text, error)]) from None
    lines = toml_lines.index(text)
    found = [*_field_mistakes(raw), *mistakes.find(raw, workspace.root)]
    if found:
        raise ProfileError(
            [
                Problem(shown, toml_lines.find(lines, key), ".".join(map(str, key)), reason)
                for key, reason in dict.fromkeys(found)
            ]
        )
    return _parse(merged(raw, target))


def merged(raw: Mapping[str, object], target: Target) -> dict[str, object]:
    """Return *raw* with the overrides for the platform, then the layout, of *target*."""
    overrides = raw.get("overrides", {})
    result = dict(raw)
    if is_table(overrides):
        for key in (target.platform.name, target.layout):
            table = overrides.get(key, {})
            if is_table(table):
                result = _merge(result, table)
    return result


def _parse(raw: Mapping[str, object]) -> Profile:
    # By way of JSON: strict about types, and arrays become tuples.
    return Profile.model_validate_json(json.dumps(raw, default=str))


def _field_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    known = tuple(_pydantic_mistakes(raw))
    yield from known
    overrides = raw.get("overrides", {})
    if not is_table(overrides):
        return
    for key, table in overrides.items():
        if key not in PLATFORMS and key not in {"onedir", "onefile"}:
            hint = did_you_mean(key, (*PLATFORMS, "onedir", "onefile"))
            yield ("overrides", key), f"unknown platform or layout.{hint}"
        elif is_table(table):
            for loc, reason in _pydantic_mistakes(_merge(raw, table)):
                if (loc, reason) not in known:
                    yield ("overrides", key, *loc), reason


def _pydantic_mistakes(raw: Mapping[str, object]) -> Iterator[Mistake]:
    try:
        _parse(raw)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False):
            loc = item["loc"]
            if item["type"] == "extra_forbidden":
                yield loc, f"unknown key.{did_you_mean(str(loc[-1]), _ALL_KEYS)}"
            elif item["type"] == "missing":
                yield loc, "is required and missing"
            else:
                yield loc, f"{item['msg']}, got {_shown(item['input'])}"


def _merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = _merge(old, value) if is_table(old) and is_table(value) else value
    return result


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # fits a line


def _syntax_problem(file: str, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    reason, _, place = message.partition(" (at line ")
    number = place.partition(",")[0]
    line = int(number) if number.isdigit() else text.count("\n") + 1
    return Problem(file, line, "TOML", reason)


def _all_keys() -> tuple[str, ...]:
    fields = (item for table in _Table.__subclasses__() for item in table.model_fields.items())
    return tuple({field.alias or name: None for name, field in fields})


_ALL_KEYS = _all_keys()
