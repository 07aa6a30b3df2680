"""Several processes of one product: the server or program, and the workers beside it."""

from frostline.infer import commands, workers
from frostline.infer.hints import Hint
from frostline.infer.product import Found, Project, Value
from frostline.infer.services import ANY_PORT, Service

_WORKERS = ("work", "sched", "beat", "bot", "consum", "queue", "cron", "job", "task")
# Packages that import most of their modules by text: pools, transports, stores of results.
_BY_TEXT = {"celery": ("celery", "kombu"), "dramatiq": ("dramatiq",), "rq": ("rq",)}


def is_worker(one: Hint) -> bool:
    """Return whether the command *one* starts a process that serves nobody."""
    process = one.started.process.lower()
    return one.role == "worker" or any(word in process for word in _WORKERS)


def with_workers(project: Project, found: Found) -> Found:
    """Return *found* with the workers of the production's commands as services beside it.

    Workers that no command starts are named in notes: whether they belong to it is not known.
    """
    services = found.entries("services") or (
        [{"name": "api", "port": dict(ANY_PORT)}] if found.get("serve") else []
    )
    taken = {str(service["name"]) for service in services if isinstance(service, dict)}
    extra = _by_commands(project, taken)
    if extra and services:
        where = ", ".join(dict.fromkeys(service.where for service in extra))
        tables: list[object] = [*services, *(service.as_toml() for service in extra)]
        return _with_packages(found.with_value(Value("services", tables, where)), extra)
    objects = [] if extra else workers.by_objects(project.applications)
    return found.with_notes(*map(_note, [*extra, *objects]))


def only_workers(project: Project) -> Found | None:
    """Return the product that consists of workers, None if the project has none."""
    found = _by_commands(project, set()) or [*workers.by_objects(project.applications)][:1]
    if not found:
        return None
    entry = Value("entry", found[0].entry, found[0].where)
    tables = [service.as_toml() for service in found]
    product = Found((entry, Value("services", tables, found[0].where)))
    return _with_packages(product, found)


def migrations(project: Project) -> tuple[str, ...]:
    """Return a note for each tool that changes a database before the project starts."""
    notes: dict[str, str] = {}
    for one in project.hints:
        if one.started.rank > commands.PRODUCTION:
            continue
        if (one.role, one.target) == ("manage", "migrate"):
            notes["migrate"] = f"{one.started.where}: migrate: run it by `run django-admin migrate`"
        elif (one.role, one.target) == ("program", "alembic"):
            notes["alembic"] = (
                f'{one.started.where}: alembic: write console_scripts = ["alembic"] and its files '
                "as [[data]], and run it by `run alembic upgrade head`"
            )
    return tuple(notes.values())


def _by_commands(project: Project, taken: set[str]) -> list[Service]:
    found: list[Service] = []
    seen: dict[tuple[str, str], str] = {}
    for one in project.hints:
        if one.started.rank > commands.PRODUCTION or not is_worker(one):
            continue
        service = workers.of_hint(one, project.applications, taken)
        if service is None:
            continue
        kind = next((word for word in one.started.words if word in {"worker", "beat"}), "")
        # The same worker in a Procfile and in compose is one; two of one file are two.
        first = seen.setdefault((service.entry, kind), one.started.file)
        if first == one.started.file:
            taken.add(service.name)
            found.append(service)
    return found


def _with_packages(found: Found, services: list[Service]) -> Found:
    """Return *found* with the packages of its workers that import their modules by text."""
    for service in services:
        for package in _BY_TEXT.get(service.entry.partition(".")[0], ()):
            value = Value(f"packages.{package}", {"submodules": True}, service.where)
            found = found.with_value(value)
    return found


def _note(service: Service) -> str:
    arguments = ", ".join(f'"{word}"' for word in service.arguments)
    return (
        f"{service.where}: a worker that is not part of the product: to ship it, write a "
        f'[[services]] table with name = "worker", entry = "{service.entry}", '
        f'serve = "function" and arguments = [{arguments}]'
    )
