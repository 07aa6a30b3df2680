"""Decides what a project is: the sources of an answer in their order, the first one that knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from frostline.infer import (
    commands, django, hints, module_names, pages, programs, serving, services, spec_file, workers,
)  # fmt: skip
from frostline.infer.applications import Application, Applications
from frostline.infer.hints import Hint
from frostline.infer.pages import Page
from frostline.infer.services import ANY_PORT, Service
from frostline.infer.source_files import SourceFiles, table

_MOST_NAMED = 5  # of several candidates


@dataclass(frozen=True)
class Value:
    """One key of the profile, its value and where it comes from."""

    key: str
    value: object
    reason: str


@dataclass(frozen=True)
class Found:
    """What one source knows of the product."""

    values: tuple[Value, ...] = ()
    notes: tuple[str, ...] = ()


class Project:
    """A project as it is looked at: its files, its applications, what its commands say."""

    def __init__(self, applications: Applications, given: Mapping[str, object]) -> None:
        self.applications = applications
        self.given = given

    @property
    def files(self) -> SourceFiles:
        """Return the files of the project."""
        return self.applications.files

    @cached_property
    def hints(self) -> tuple[Hint, ...]:
        """What the commands of the project say, the surest first."""
        found = (hints.hint(one, self.files) for one in commands.commands(self.files))
        return tuple(filter(None, found))

    @cached_property
    def scripts(self) -> tuple[programs.Script, ...]:
        """The console scripts of the project."""
        return programs.console_scripts(self.files)

    @property
    def wanted(self) -> str:
        """How the product is served, as the profile says; "" if it does not."""
        serve = self.given.get("serve")
        return serve if isinstance(serve, str) else ""


def recognise(applications: Applications, given: Mapping[str, object]) -> Found:
    """Return what the project is: the answer of the first source of `_SOURCES` that has one."""
    project = Project(applications, given)
    spec = spec_file.read_project(applications.files)
    notes = [*spec.notes] if spec else []
    values = [Value(*value) for value in spec.values] if spec else []
    if "entry" in given:
        found = _given(project)
    else:
        answers = (source(project) for source in _SOURCES)
        found = next(filter(None, answers), Found(notes=(_nothing(project),)))
    known = {value.key for value in found.values}
    values = [value for value in values if value.key not in known]
    return Found((*found.values, *values), (*found.notes, *notes))


def _given(project: Project) -> Found:
    """Return what follows from the entry that the profile gives."""
    entry = str(project.given["entry"])
    module, _, attribute = entry.removesuffix("()").partition(":")
    found = project.applications.at(module, attribute.removesuffix(".server")) if attribute else None
    if found is None:
        return Found()
    return Found((Value("serve", found.serve, found.where),))


def _from_spec(project: Project) -> Found | None:
    spec = spec_file.read_project(project.files)
    if spec is None or not spec.script:
        return None
    found = _of_file(project, spec.script, spec.where)
    return replace(found, notes=(*found.notes,)) if found else None


def _from_django(project: Project) -> Found | None:
    server = [one for one in project.hints if one.role == "server"]
    asgi = any(one.serve == "asgi" for one in server if one.started.rank <= commands.PRODUCTION)
    found = django.read(project.applications, asgi=asgi)
    if found is None:
        return None
    values = tuple(Value(*value) for value in found.values)
    return _with_workers(project, Found(values, found.notes))


def _from_production(project: Project) -> Found | None:
    return _from_hints(project, production=True)


def _from_other_commands(project: Project) -> Found | None:
    return _from_hints(project, production=False)


def _from_hints(project: Project, *, production: bool) -> Found | None:
    """Return the product of the first command that is understood."""
    for one in project.hints:
        if (one.started.rank <= commands.PRODUCTION) != production:
            continue
        found = _of_hint(project, one)
        if found:
            return _with_workers(project, found)
    return None


def _of_hint(project: Project, one: Hint) -> Found | None:
    if one.role == "page":
        page = pages.of_hint(one, project.applications)
        return _page(page) if page else None
    if one.role == "server":
        found = hints.resolved(one, project.applications)
        return _application(project, found) if found else None
    if one.role != "program" or _is_worker(one):
        return None
    script = next((one_ for one_ in project.scripts if one_.name == one.target), None)
    if script is not None:
        return _script(project, script, one.started.where)
    if one.target in project.files.modules and not module_names.in_aside_folder(one.target):
        served = _served_by_file(project, one.target)
        # A script that serves nothing may be a task of its own: later sources decide.
        return _of_file(project, one.target, one.started.where) if served else None
    return None


def _from_table_of_fastapi(project: Project) -> Found | None:
    entry = table(project.files.pyproject, "tool", "fastapi").get("entrypoint")
    if not isinstance(entry, str) or ":" not in entry:
        return None
    module, _, name = entry.partition(":")
    where = project.files.line_of("pyproject.toml", entry)
    found = project.applications.at(module, name)
    serve = found.serve if found else "asgi"
    return Found((Value("entry", entry, where), Value("serve", serve, where)))


def _from_scripts_that_serve(project: Project) -> Found | None:
    for script in project.scripts:
        found = _script(project, script, script.where)
        if any(value.key == "serve" for value in found.values):
            return found
    return None


def _from_guards(project: Project) -> Found | None:
    """Return what a script at the top serves when it is run."""
    for file in programs.runnable(project.files):
        served = _served_by_file(project, file)
        if served and served.application:
            return _application(project, served.application)
    return None


def _from_pages(project: Project) -> Found | None:
    found = pages.by_imports(project.applications)
    if not found:
        return None
    first = _page(found[0])
    others = tuple(
        f"{page.service.where}: another page; to freeze it, write its service"
        for page in found[1:_MOST_NAMED]
        if page.packages == found[0].packages and page.packages != ("streamlit",)
    )
    return replace(first, notes=(*first.notes, *others))


def _from_applications(project: Project) -> Found | None:
    found = [one for one in project.applications.all() if project.wanted in {"", one.serve}]
    if not found or project.wanted == "function":
        return None
    if module_names.aside(found[0].file) and (project.scripts or programs.runnable(project.files)):
        return None
    first, *others = found
    notes = [
        f'{one.where}: another application; to freeze it, write entry = "{one.entry}"'
        for one in others
        if one.entry.endswith("()") == first.entry.endswith("()")
    ]
    product = _application(project, first)
    return replace(product, notes=(*product.notes, *notes[:_MOST_NAMED]))


def _from_console_scripts(project: Project) -> Found | None:
    return _script(project, project.scripts[0], project.scripts[0].where) if project.scripts else None


def _from_plain_scripts(project: Project) -> Found | None:
    found = programs.runnable(project.files)
    if not found:
        return None
    product = _of_file(project, found[0], f"{found[0]} can be run")
    others = [
        f'{file}: another program; to freeze it, write entry = "{project.files.modules[file]}"'
        for file in found[1 : _MOST_NAMED + 1]
    ]
    return replace(product, notes=(*product.notes, *others)) if product else None


def _from_workers(project: Project) -> Found | None:
    found = _with_workers(project, Found())
    if not any(value.key == "services" for value in found.values):
        objects = workers.by_objects(project.applications)
        if not objects:
            return None
        found = Found((Value("services", [objects[0].as_toml()], objects[0].where),))
    first = next(value for value in found.values if value.key == "services")
    listed = first.value if isinstance(first.value, list) else []
    return replace(
        found, values=(Value("entry", listed[0]["entry"], first.reason), *found.values)
    )


# The precedence: who knows first, decides.
_SOURCES: tuple[Callable[[Project], Found | None], ...] = (
    _from_spec,                 # who froze it before, has decided
    _from_django,               # one project is one product, whatever starts it
    _from_production,           # Procfile, Dockerfile, compose, …
    _from_table_of_fastapi,
    _from_scripts_that_serve,   # [project.scripts] whose function starts a server
    _from_other_commands,       # Makefile, tasks, .flaskenv
    _from_guards,               # if __name__ == "__main__": uvicorn.run(app)
    _from_pages,
    _from_applications,
    _from_console_scripts,
    _from_workers,
    _from_plain_scripts,
)  # fmt: skip


def _application(project: Project, found: Application) -> Found:
    """Return the product that serves *found*."""
    serve = "wsgi" if found.serve == "dash" else found.serve
    values = (Value("entry", found.entry, found.where), Value("serve", serve, found.where))
    del project
    return Found(values)


def _page(page: Page) -> Found:
    service = page.service
    values = [
        Value("entry", service.entry, service.where),
        Value("services", [service.as_toml()], service.where),
    ]
    values += [
        Value(f"packages.{name}", {"submodules": True, "data": True}, service.where)
        for name in page.packages
    ]
    if page.scripts:
        data = [
            {"source": file, "destination": str(PurePosixPath(file).parent)}
            for file in page.scripts
        ]
        values.append(Value("data", data, service.where))
    return Found(tuple(values), page.notes)


def _script(project: Project, script: programs.Script, where: str) -> Found:
    """Return the product of a console script: what it serves, else the program itself."""
    module, _, name = script.entry.partition(":")
    scope = project.applications.scope(module)
    function = scope.functions.get(name) if scope else None
    found = None
    if scope is not None and function is not None and project.wanted != "function":
        inner = scope.inside(function)
        found = serving.served(project.applications, inner, function.body)
    has_commands = parsers_subcommands(project, script.entry)
    if found and found.application and not has_commands:
        return _application(project, found.application)
    values = [Value("entry", script.entry, where)]
    if not script.console:
        values.append(Value("console", False, script.where))  # noqa: FBT003
    notes = (_port_note(found.where),) if found and not has_commands else ()
    return Found(tuple(values), notes)


def parsers_subcommands(project: Project, entry: str) -> bool:
    """Return whether the program *entry* has subcommands: then serving is one of several things."""
    from frostline.infer import parsers  # noqa: PLC0415

    return bool(parsers.subcommands(project.applications, entry))


def _of_file(project: Project, file: str, where: str) -> Found | None:
    """Return the product of a script or of a package's `__main__`: what it serves, else itself."""
    module = project.files.modules.get(file)
    if module is None:
        return None
    found = _served_by_file(project, file)
    if found and found.application and project.wanted != "function":
        product = _application(project, found.application)
        return replace(product, values=tuple(replace(v, reason=where) for v in product.values))
    return Found((Value("entry", module, where),), (_port_note(found.where),) if found else ())


def _served_by_file(project: Project, file: str) -> serving.Served | None:
    scope = project.applications.scope_of_file(file)
    tree = project.files.tree(file)
    return serving.served(project.applications, scope, tree.body) if scope and tree else None


def _port_note(where: str) -> str:
    return (
        f"{where}: the program listens itself, so its port must be named: write a [[services]] "
        'table with name = "api" and port = { mode = "fixed", number = … }'
    )


def _is_worker(one: Hint) -> bool:
    return one.role == "worker" or any(
        word in one.started.process.lower()
        for word in ("work", "sched", "beat", "bot", "consum", "queue", "cron", "job", "task")
    )


def _with_workers(project: Project, found: Found) -> Found:
    """Return *found* with the workers of the production's commands as services beside it."""
    listed = next((value for value in found.values if value.key == "services"), None)
    values = {value.key: value for value in found.values}
    start: list[dict[str, object]] = []
    if listed and isinstance(listed.value, list):
        start = [*listed.value]
    elif "entry" in values:
        start = [{"name": "api", "port": dict(ANY_PORT)}]
    extra = _workers(project, {str(service["name"]) for service in start})
    notes = list(found.notes)
    if not extra:
        objects = workers.by_objects(project.applications) if "entry" in values else ()
        notes += [
            f"{one.where}: a worker that no command of the project starts: to ship it, write a "
            f'[[services]] table with entry = "{one.entry}" and '
            f"arguments = {[*one.arguments]}".replace("'", '"')
            for one in objects
        ]
        return replace(found, notes=tuple(notes))
    reason = ", ".join(dict.fromkeys(one.where for one in extra))
    whole = Value("services", [*start, *(one.as_toml() for one in extra)], reason)
    kept = tuple(value for value in found.values if value is not listed)
    return Found((*kept, whole), tuple(notes))


def _workers(project: Project, taken: set[str]) -> list[Service]:
    found: list[Service] = []
    seen: dict[tuple[str, ...], str] = {}
    for one in project.hints:
        if one.started.rank > commands.PRODUCTION or not _is_worker(one):
            continue
        if one.role not in {"worker", "manage", "program"} or one.started.process == "release":
            continue
        service = workers.of_hint(one, project.applications, taken)
        kind = next((w for w in one.started.words if w in {"worker", "beat", "scheduler"}), "")
        # The same worker in a Procfile and in compose is one; two of one file are two.
        key = (service.entry, kind) if service else ()
        if service and seen.setdefault(key, one.started.file) == one.started.file:
            taken.add(service.name)
            found.append(service)
    return found


def _nothing(project: Project) -> str:
    del project
    return 'nothing that runs was recognised: write entry = "module:attribute"'
