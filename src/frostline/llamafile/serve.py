"""Finds or fetches a llamafile and a model, and serves the model (`frostline llamafile`)."""

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from frostline.core import log, own_files, workspace
from frostline.core.errors import HostError, NotBuiltError, UsageError
from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.infer import opening
from frostline.launch.instance import Instance, NotHealthyError, ask
from frostline.profile import configuration, resources
from frostline.profile.resources import Resource
from frostline.source import environment, fetch
from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import Manifest, ModelServer, Port, Probe, Service
from frostline_runtime.download import fetch as download
from frostline_runtime.download.transfer import Wanted
from frostline_runtime.model import ape, llamafile, preparation
from frostline_runtime.model.llamafile import ModelServerError, ServerFiles, Version

DEFAULT_BASE, DEFAULT_MODEL = "llamafile", "smollm2"
_SUFFIXES = (".llamafile", ".gguf")
_SERVICE = "llm"
_STORAGE = "FROSTLINE_LLAMAFILE"
_START_PATIENCE, _LONGEST_START = 300.0, 3600.0  # seconds without output, and in total
_MOST_PORT = 65_535

Confirm = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """What to serve and how; *model* and *base* are each a file, an address or a name."""

    model: str = ""
    base: str = ""
    port: int = 0
    server: ModelServer = field(default_factory=ModelServer)
    offline: bool = False


def confirm_on_terminal(question: str) -> bool:
    """Ask *question* on the terminal; return False if there is no terminal."""
    return sys.stdin.isatty() and log.ask(question)


def find(project: Workspace, request: ServeRequest, *, confirm: Confirm) -> ServerFiles:
    """Return the files of *request*; fetch them if needed.

    If the model is a llamafile, it is the server, too. The base defaults to the pinned llamafile,
    the model to the one in the base or the pinned one. Raises UsageError, FetchError.
    """
    if not 0 <= request.port <= _MOST_PORT:
        message = f"--port: {request.port} is not a port."
        raise UsageError(message, hint=f"give 1 to {_MOST_PORT}, or 0 for a free port")
    known = resources.load(project)
    model = _file(project, known, request.model, request, confirm) if request.model else None
    if model and not request.base and ape.kind_of(model) != "other":
        return ServerFiles(model)
    base = _file(project, known, request.base or DEFAULT_BASE, request, confirm)
    if not model and not request.base:
        model = _file(project, known, DEFAULT_MODEL, request, confirm)
    return ServerFiles(base, model)


def _file(
    project: Workspace,
    known: Sequence[Resource],
    text: str,
    request: ServeRequest,
    confirm: Confirm,
) -> Path:
    path = Path(text).expanduser()
    if path.is_file():
        return path.absolute()
    if "://" in text:
        return _by_url(project, known, text, request, confirm)
    if any(resource.name == text for resource in known):
        (resource,) = resources.chosen(known, [text], host())
        return fetch.fetch(project, [resource], offline=request.offline)[text]
    if text in configuration.products(project):
        target, _ = opening.load(project, text, host())
        built = project.executable(target)
        if built.is_file():
            return built
        message = f"the product {text} is not built yet."
        raise NotBuiltError(message, hint=f"run `frostline build --product {text}`")
    if "/" in text or "\\" in text or path.suffix:
        message = f"there is no file {text}."
        raise UsageError(message, hint="name a file, an address, or a resource")
    resources.chosen(known, [text], host())  # raises an error that lists the resources
    raise AssertionError(text)


def _by_url(
    project: Workspace, known: Sequence[Resource], url: str, request: ServeRequest, confirm: Confirm
) -> Path:
    name = resources.file_name_of(url)
    pinned = [resource for resource in known if url in resource.urls]
    if pinned:
        return fetch.fetch(project, pinned[:1], offline=request.offline)[pinned[0].name]
    if not name.endswith(_SUFFIXES):
        message = f"{url} is not the address of a {' or '.join(_SUFFIXES)} file."
        raise UsageError(message, hint="give the address of the file itself")
    place = project.build / "cache" / "models" / name
    wanted = Wanted(name=name, urls=(url,), executable=name.endswith(".llamafile"))
    if not download.is_there(wanted, place):
        question = f"{url} is not pinned: its content cannot be verified."
        if not confirm(question):
            message = f"{url} is not pinned and was not fetched."
            raise UsageError(
                message, hint="add --yes, or pin it: `frostline resources --pin NAME --url …`"
            )
        hint = "try again: the partial file is kept"
        fetch.download_file(wanted, place, hint=hint, offline=request.offline)
    return place


def base(
    project: Workspace, request: ServeRequest, environ: Mapping[str, str], *, confirm: Confirm
) -> tuple[Path, Version]:
    """Return the base of *request* and its version, () if it is unknown.

    Raises UsageError, FetchError.
    """
    path = _file(project, resources.load(project), request.base or DEFAULT_BASE, request, confirm)
    try:
        with workspace.temporary() as folder:
            found = preparation.examine(ServerFiles(path), folder, environ, log.note)
    except ModelServerError as error:
        raise UsageError(str(error), hint="name another --base") from error
    return path, found.version


def require_loopback(host: str) -> None:
    """Raise UsageError unless *host* is loopback: the model server has no login."""
    if host not in {"127.0.0.1", "localhost"}:
        message = f"--host: {host} would make the model server reachable by others."
        raise UsageError(message, hint="use 127.0.0.1; for others, use a proxy that has a login")


def settings(context: int, layers: int, predict: int, arguments: Sequence[str]) -> ModelServer:
    """Return the settings of the model server. Raises UsageError for a number that is too small."""
    known = (("ctx-size", context, 0), ("gpu-layers", layers, 0), ("n-predict", predict, -1))
    for flag, value, least in known:
        if value < least:
            message = f"--{flag}: {value} is too small."
            raise UsageError(message, hint=f"{least} or more")
    return ModelServer(
        context=context, gpu_layers=layers, predict=predict, arguments=tuple(arguments)
    )


@dataclass(frozen=True)
class Served:
    """A running model server."""

    url: str
    pid: int
    model: str
    seconds: float


def serve(
    project: Workspace, choice: ServerFiles, request: ServeRequest, environ: Mapping[str, str]
) -> Generator[Served]:
    """Serve *choice* until Ctrl-C, under the supervisor that artifacts use, too.

    It is yielded once the server answers. The server ends with this process, even if it is
    killed. Raises UsageError, HostError.
    """
    log_file = project.build / "log" / "llamafile.log"
    log_file.unlink(missing_ok=True)
    with workspace.temporary() as folder:
        workspace.write(folder / manifest.FILE_NAME, manifest.dump(_manifest(choice, request)))
        env = dict(environ) | {
            "FROSTLINE_BUNDLE": str(folder),
            _STORAGE: str(folder / "storage"),
            "PYTHONPATH": str(own_files.runtime_package().parent),
        }
        argv = environment.entry_argv(sys.executable)
        with Instance(argv, env=env, cwd=folder, log=log_file) as instance:
            try:
                with log.step("starting the model server"):
                    instance.wait_healthy(_LONGEST_START)
                    instance.wait_event("ready", _LONGEST_START)
            except NotHealthyError as error:
                raise _failed(instance) from error
            yield _served(instance)
            with contextlib.suppress(KeyboardInterrupt):
                if instance.process.wait():
                    raise _failed(instance)


def _manifest(choice: ServerFiles, request: ServeRequest) -> Manifest:
    port = Port(mode="fixed" if request.port else "ephemeral", number=request.port, by="argument")
    service = Service(
        name=_SERVICE, kind="llamafile", port=port, startup=Probe(), start_timeout=_START_PATIENCE,
        start_longest=_LONGEST_START,
    )  # fmt: skip
    server = replace(
        request.server, executable=str(choice.executable), model=str(choice.model or "")
    )
    return Manifest(
        product="llamafile", name="llamafile", version="1", layout="onedir", entry="",
        environment=manifest.Environment(storage_variable=_STORAGE, storage_default="~"),
        services=(service,), model_server=server,
    )  # fmt: skip


def _served(instance: Instance) -> Served:
    url = instance.service_urls()[_SERVICE]
    facts = instance.report().services.get(_SERVICE)
    status, body = ask("GET", f"{url}{llamafile.MODELS}")
    return Served(
        url=url, pid=(facts and facts.pid) or 0,
        model=llamafile.served_model(status, body.encode()),
        seconds=round(instance.healthy_after or 0.0, 2),
    )  # fmt: skip


def _failed(instance: Instance) -> HostError:
    fatal = instance.event("fatal")
    reason = (fatal and fatal.reason) or "was not ready in time"
    lines = fatal.tail if fatal else instance.process.tail()
    hint = f"its full output is in {instance.process.log}"
    return HostError(f"the model server: {reason.rstrip('.')}.", hint=hint, tail=lines)
