"""What a command of the project says of the product: a server's application, a page, a worker."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from frostline.infer.applications import Applications, is_factory
from frostline.infer.candidates import Application
from frostline.infer.commands import Started
from frostline.infer.frameworks import Kind
from frostline.infer.source_files import SourceFiles

Role = Literal["server", "page", "worker", "manage", "program"]


@dataclass(frozen=True)
class Hint:
    """A command with its meaning: *target* is the module with its attribute, the file or name."""

    role: Role
    target: str
    started: Started
    serve: Kind | None = None
    factory: bool = False


# The servers, and how they serve what they are given.
_SERVERS: dict[str, Kind] = {
    "uvicorn": "asgi", "hypercorn": "asgi", "granian": "asgi", "daphne": "asgi",
    "gunicorn": "wsgi", "waitress-serve": "wsgi", "waitress": "wsgi", "uwsgi": "wsgi",
    "mod_wsgi-express": "wsgi", "sanic": "asgi", "litestar": "asgi", "quart": "asgi",
    "flask": "wsgi", "gunicorn_conf": "wsgi", "bjoern": "wsgi", "cheroot": "wsgi",
}  # fmt: skip
PAGES = ("streamlit", "panel", "gradio")
# The programs of task queues, and the module and function that are their console script.
WORKERS = {
    "celery": "celery.__main__:main",
    "rq": "rq.cli:main",
    "rqworker": "rq.cli:worker",
    "dramatiq": "dramatiq.__main__:main",
    "arq": "arq.cli:cli",
    "huey_consumer": "huey.bin.huey_consumer:consumer_main",
    "taskiq": "taskiq.__main__:main",
}
_ENTRY = re.compile(r"([A-Za-z_][\w./-]*?)(?:\.py)?:([A-Za-z_]\w*)(\(.*\))?")
_DEFAULT = re.compile(r"\$\{\w+:-([\w.:]+)\}")


def hint(  # noqa: PLR0911  # one return for each kind of program
    started: Started, files: SourceFiles
) -> Hint | None:
    """Return what *started* says, None if it starts nothing that is known."""
    name, rest = started.words[0].removesuffix(".py"), started.words[1:]
    if name in _SERVERS:
        return _server(name, rest, started, files)
    if name == "fastapi":
        return _fastapi(rest, started, files)
    if name in PAGES:
        page = next((word for word in rest if word.endswith(".py")), "")
        return Hint("page", page, started) if page else None
    if name in WORKERS:
        runs = name not in {"celery", "rq"} or {"worker", "beat"} & {*rest}
        return Hint("worker", WORKERS[name], started) if runs else None
    if name == "python" and rest:
        if PurePosixPath(rest[0]).name == "manage.py":
            return Hint("manage", " ".join(rest[1:2]), started)
        file = _file(rest[0], files)
        return Hint("program", file, started) if file else None
    return Hint("program", started.words[0], started)


def file_of(found: Hint, files: SourceFiles) -> str:
    """Return the file of the program that *found* names by path or module, "" if it has none."""
    if found.target in files.modules:
        return found.target
    modules = (f"{found.target}.__main__", found.target)
    return next((files.files[module] for module in modules if module in files.files), "")


def resolved(found: Hint, applications: Applications) -> Application | None:
    """Return the application that *found* names, None if the project has no such module."""
    module, _, attribute = found.target.partition(":")
    module = module_named(module, applications.files)
    if not module:
        return None
    known = applications.at(module, attribute)
    if known is not None:
        factory = found.factory or known.entry.endswith("()")
        suffix = "()" if factory and attribute else ""
        owner, _, name = known.entry.partition(":")
        entry = f"{module}:{attribute}{suffix}" if attribute else f"{owner}:{name}"
        if attribute and name.endswith(".server"):
            entry = f"{module}:{attribute}.server"
        return Application(entry, known.serve, found.started.file, found.started.line)
    scope = applications.scope(module)
    if scope is None or not attribute:
        return None
    if attribute in {*scope.values, *scope.functions, *scope.classes, *scope.imports}:
        function = scope.functions.get(attribute)
        called = found.factory or (function is not None and is_factory(function))
        entry = f"{module}:{attribute}{'()' if called else ''}"
        serve = found.serve or "asgi"
        return Application(entry, serve, found.started.file, found.started.line)
    return None


def module_named(name: str, files: SourceFiles) -> str:
    """Return the project's module that *name* (dotted, or a path) means, "" if there is none."""
    dotted = name.removesuffix(".py").strip("/").replace("/", ".").strip(".")
    if dotted in files.files:
        return dotted
    # The folder from which it is started is not known: the shallowest module of that name.
    ends = [module for module in files.files if f".{module}".endswith(f".{dotted}")]
    starts = [module for module in files.files if dotted.endswith(f".{module}") and dotted]
    return min([*ends, *starts], key=lambda module: (module.count("."), module), default="")


def _server(name: str, rest: tuple[str, ...], started: Started, files: SourceFiles) -> Hint | None:
    text = " ".join(rest)
    serve = _SERVERS[name]
    if re.search(r"(-k|--worker-class)[ =]\S*(uvicorn|asgi|Uvicorn)", text):
        serve = "asgi"
    if found := re.search(r"--interface[ =](asgi|wsgi)", text):
        serve = "asgi" if found[1] == "asgi" else "wsgi"
    factory = bool({"--factory", "--call"} & {*rest})
    for word in rest:
        plain = _DEFAULT.sub(r"\1", word).removeprefix("wsgi:").removeprefix("asgi:")
        plain = plain.partition("=")[2] if plain.startswith("--") and "=" in plain else plain
        if found := _ENTRY.fullmatch(plain):
            target = f"{found[1]}:{found[2]}"
            if module_named(found[1], files):
                return Hint("server", target, started, serve, factory or bool(found[3]))
    for number, word in enumerate(rest):
        named = word.partition("=")[2] if word.startswith("--") else word
        module = module_named(named, files) if re.fullmatch(r"[A-Za-z_][\w./]*", named) else ""
        before = rest[number - 1] if number else ""
        if module and (not before.startswith("-") or before in _NAMES_MODULE):
            attribute = ":application" if name == "gunicorn" else ""
            return Hint("server", f"{module}{attribute}", started, serve, factory)
    return None


_NAMES_MODULE = {"--app", "-A", "-w", "--module", "--wsgi", "--wsgi-file", "--reload", "--mount"}


def _fastapi(rest: tuple[str, ...], started: Started, files: SourceFiles) -> Hint | None:
    """Return the application of `fastapi run PATH`; without a path, of its default files."""
    if not rest or rest[0] not in {"run", "dev"}:
        return None
    paths = [*(word for word in rest[1:] if word.endswith(".py") or ":" in word), *(
        f"{folder}{name}.py" for folder in ("", "app/") for name in ("main", "app", "api")
    )]  # fmt: skip
    for path in paths:
        module, _, attribute = path.partition(":")
        if named := module_named(module, files):
            option = next((rest[i + 1] for i, word in enumerate(rest[:-1]) if word == "--app"), "")
            target = ":".join(filter(None, (named, attribute or option)))
            return Hint("server", target, started, "asgi")
    return None


def _file(path: str, files: SourceFiles) -> str:
    """Return the project's file that *path* in a command means, "" if there is none."""
    parts = [part for part in PurePosixPath(path).parts if part not in {".", "/"}]
    candidates = ("/".join(parts[start:]) for start in range(len(parts)))
    exact = next((name for name in candidates if name in files.known), "")
    if exact or not path.endswith(".py"):
        return exact
    return next(iter(files.by_last.get(PurePosixPath(path).name, [])), "")
