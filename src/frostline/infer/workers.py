"""Workers of task queues: processes without a port, by their commands or by their objects."""

import ast
from collections.abc import Iterator

from frostline.infer import module_names
from frostline.infer.applications import Applications
from frostline.infer.commands import Started
from frostline.infer.hints import WORKERS, Hint, file_of
from frostline.infer.scopes import Scope
from frostline.infer.services import Service, service_name

_CELERY = ("celery.Celery", "celery.app.Celery", "celery.app.base.Celery")
# Seconds: a worker of a queue ends after the task at hand; Celery needs five when it is idle.
_GRACE = 30.0
DJANGO = "django.core.management:execute_from_command_line"


def of_hint(found: Hint, applications: Applications, taken: set[str]) -> Service | None:
    """Return the service that a command starts which is no server; None if it is not known."""
    started = found.started
    name = service_name(started.process or "worker", taken)
    if found.role == "worker":
        words = started.words[1:]
        return Service(name, found.target, started.where, "function", words, grace=_GRACE)
    if found.role == "manage":
        return Service(name, DJANGO, started.where, "function", _manage(started))
    file = file_of(found, applications.files) if found.role == "program" else ""
    if file:
        entry = applications.files.modules[file]
        rest = started.words[2:] if started.words[0] == "python" else started.words[1:]
        return Service(name, entry, started.where, "function", rest)
    return None


def by_objects(applications: Applications) -> tuple[Service, ...]:
    """Return the workers that the project's objects allow: Celery, arq's settings, dramatiq."""
    found: list[Service] = []
    for file in applications.files.python_with("celery", "arq", "WorkerSettings", "dramatiq"):
        scope = None if module_names.in_aside_folder(file) else applications.scope_of_file(file)
        if scope:
            found += _in(scope)
    return tuple(found)


def _in(scope: Scope) -> Iterator[Service]:
    for name, value in scope.values.items():
        if isinstance(value, ast.Call) and scope.full_name(value.func) in _CELERY:
            arguments: tuple[str, ...] = (
                "-A",
                f"{scope.name}:{name}",
                "worker",
                "--loglevel",
                "INFO",
            )
            where = f"{scope.file}:{value.lineno}"
            yield _worker("celery", where, arguments)
    for definition in scope.classes.values():
        if definition.name == "WorkerSettings":
            where = f"{scope.file}:{definition.lineno}"
            arguments = (f"{scope.name}.{definition.name}",)
            yield _worker("arq", where, arguments)
    actors = [
        function
        for function in scope.functions.values()
        for decorator in function.decorator_list
        if scope.full_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        == "dramatiq.actor"
    ]
    if actors:
        where = f"{scope.file}:{actors[0].lineno}"
        arguments = (scope.name, "--processes", "1")
        yield _worker("dramatiq", where, arguments)


def _worker(kind: str, where: str, arguments: tuple[str, ...]) -> Service:
    return Service("worker", WORKERS[kind], where, "function", arguments, grace=_GRACE)


def _manage(started: Started) -> tuple[str, ...]:
    after = next(n for n, word in enumerate(started.words) if word.endswith("manage.py"))
    return started.words[after + 1 :]
