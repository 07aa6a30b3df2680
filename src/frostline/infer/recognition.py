"""Decides what a project is: the sources of an answer in their order, the first one that knows."""

from collections.abc import Callable, Mapping

from frostline.infer import commands, django, hints, module_names, pages, programs, spec_file
from frostline.infer.applications import Applications
from frostline.infer.hints import Hint
from frostline.infer.processes import is_worker, migrations, only_workers, with_workers
from frostline.infer.product import (
    Found,
    Project,
    Value,
    of_application,
    of_file,
    of_page,
    of_script,
    served_by_file,
)  # fmt: skip
from frostline.infer.source_files import table

_MOST_NAMED = 5  # of several candidates
_NOTHING = 'nothing that runs was recognised: write entry = "module:attribute"'


def recognise(applications: Applications, given: Mapping[str, object]) -> Found:
    """Return what the project is: the answer of the first source of `_SOURCES` that has one."""
    project = Project(applications, given)
    if "entry" in given:
        found = _given(project)
    else:
        answers = (source(project) for source in _SOURCES)
        found = next(filter(None, answers), Found(notes=(_NOTHING,)))
    spec = spec_file.read_project(applications.files)
    for value in (Value(*value) for value in spec.values) if spec else ():
        both = [*found.entries(value.key), *Found((value,)).entries(value.key)]
        if both:
            found = found.with_value(Value(value.key, both, value.reason))
        elif not found.get(value.key):
            found = found.with_value(value)
    return found.with_notes(*(spec.notes if spec else ()), *migrations(project))


def _given(project: Project) -> Found:
    """Return what follows from the entry that the profile gives."""
    module, _, attribute = str(project.given["entry"]).partition(":")
    name = attribute.removesuffix("()").removesuffix(".server")
    found = project.applications.at(module, name) if name else None
    return Found((Value("serve", found.serve, found.where),)) if found else Found()


def _from_spec(project: Project) -> Found | None:
    spec = spec_file.read_project(project.files)
    return of_file(project, spec.script, spec.where) if spec and spec.script else None


def _from_django(project: Project) -> Found | None:
    asgi = any(
        one.role == "server" and one.serve == "asgi" and one.started.rank <= commands.PRODUCTION
        for one in project.hints
    )
    found = django.read(project.applications, asgi=asgi)
    if found is None:
        return None
    return with_workers(project, Found(tuple(Value(*v) for v in found.values), found.notes))


def _from_production(project: Project) -> Found | None:
    return _from_hints(project, production=True)


def _from_other_commands(project: Project) -> Found | None:
    return _from_hints(project, production=False)


def _from_hints(project: Project, *, production: bool) -> Found | None:
    """Return the product of the first command that is understood."""
    for one in project.hints:
        if (one.started.rank <= commands.PRODUCTION) == production:
            found = _of_hint(project, one)
            # A developer's command that serves nothing is one of many.
            if found and (production or found.get("serve") or found.get("services")):
                return with_workers(project, found)
    return None


def _of_hint(project: Project, one: Hint) -> Found | None:
    if one.role == "page":
        page = pages.of_hint(one, project.applications)
        return of_page(page) if page else None
    if one.role == "server":
        found = hints.resolved(one, project.applications)
        fits = found is not None and project.wanted in {"", found.serve}
        return of_application(found) if found and fits else None
    if one.role != "program" or is_worker(one):
        return None
    where = one.started.where
    script = next((script for script in project.scripts if script.name == one.target), None)
    if script is not None:
        return of_script(project, script, where, one.started.words[1:])
    # A script that serves nothing may be a task of its own: later sources decide.
    file = hints.file_of(one, project.files)
    return of_file(project, file, where) if served_by_file(project, file) else None


def _from_table_of_fastapi(project: Project) -> Found | None:
    entry = table(project.files.pyproject, "tool", "fastapi").get("entrypoint")
    if not isinstance(entry, str) or ":" not in entry:
        return None
    module, _, name = entry.partition(":")
    where = project.files.line_of("pyproject.toml", entry)
    found = project.applications.at(module, name)
    serve = Value("serve", found.serve if found else "asgi", where)
    return Found((Value("entry", entry, where), serve))


def _from_scripts_that_serve(project: Project) -> Found | None:
    products = (of_script(project, script, script.where) for script in project.scripts)
    return next((found for found in products if found.get("serve")), None)


def _from_guards(project: Project) -> Found | None:
    """Return what a script at the top serves when it is run."""
    if project.wanted == "function":
        return None
    for file in programs.runnable(project.files):
        served = served_by_file(project, file)
        if served and served.application:
            return of_application(served.application)
    return None


def _from_pages(project: Project) -> Found | None:
    found = pages.by_imports(project.applications)
    if not found:
        return None
    others = [page.service.where for page in found[1 : _MOST_NAMED + 1]]
    notes = [f"{where}: another page; to freeze it, write its service" for where in others]
    return of_page(found[0]).with_notes(*notes)


def _from_applications(project: Project) -> Found | None:
    found = [one for one in project.applications.all() if project.wanted in {"", one.serve}]
    if not found:
        return None
    first, *others = found
    if module_names.aside(first.file) and (project.scripts or programs.runnable(project.files)):
        return None
    notes = [
        f'{one.where}: another application; to freeze it, write entry = "{one.entry}"'
        for one in others
        if one.entry.endswith("()") == first.entry.endswith("()")
    ]
    return with_workers(project, of_application(first).with_notes(*notes[:_MOST_NAMED]))


def _from_console_scripts(project: Project) -> Found | None:
    scripts = project.scripts
    return (
        with_workers(project, of_script(project, scripts[0], scripts[0].where)) if scripts else None
    )


def _from_functions(project: Project) -> Found | None:
    """Return the function `main` of a module that does not call it itself."""
    found = programs.main_functions(project.applications)
    if not found:
        return None
    first, *others = found
    notes = [
        f'{one.where}: another program; to freeze it, write entry = "{one.entry}"'
        for one in others[:_MOST_NAMED]
    ]
    return of_script(project, first, first.where).with_notes(*notes)


def _from_plain_scripts(project: Project) -> Found | None:
    found = programs.runnable(project.files)
    product = of_file(project, found[0], f"{found[0]} can be run") if found else None
    notes = [
        f'{file}: another program; to freeze it, write entry = "{project.files.modules[file]}"'
        for file in found[1 : _MOST_NAMED + 1]
    ]
    return product.with_notes(*notes) if product else None


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
    only_workers,
    _from_functions,
    _from_plain_scripts,
)  # fmt: skip
