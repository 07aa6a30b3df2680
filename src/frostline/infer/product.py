"""What becomes of what was recognised: the keys of the profile for a server, page or program."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from frostline.infer import commands, hints, parsers, programs, serving
from frostline.infer.applications import Applications
from frostline.infer.candidates import Application
from frostline.infer.hints import Hint
from frostline.infer.pages import Page
from frostline.infer.source_files import SourceFiles


@dataclass(frozen=True)
class Value:
    """One key of the profile, its value and where it comes from."""

    key: str
    value: object
    reason: str


@dataclass(frozen=True)
class Found:
    """What one source knows of the product; *notes* have no place in *values*."""

    values: tuple[Value, ...] = ()
    notes: tuple[str, ...] = ()

    def get(self, key: str) -> Value | None:
        """Return the value of *key*, None if there is none."""
        return next((value for value in self.values if value.key == key), None)

    def entries(self, key: str) -> list[object]:
        """Return the items of the array *key*, none if there is no such array."""
        found = self.get(key)
        return list(found.value) if found and isinstance(found.value, list) else []

    def with_value(self, new: Value) -> "Found":
        """Return this with *new* in the place of the value of the same key."""
        kept = (value for value in self.values if value.key != new.key)
        return replace(self, values=(*kept, new))

    def with_notes(self, *notes: str) -> "Found":
        """Return this with further notes."""
        return replace(self, notes=(*self.notes, *notes))


class Project:
    """A project as it is looked at: its applications, what its commands say, what is given."""

    def __init__(self, applications: Applications, given: Mapping[str, object]) -> None:
        self.applications = applications
        self.files: SourceFiles = applications.files
        self.given = given
        serve = given.get("serve")
        self.wanted: str = serve if isinstance(serve, str) else ""
        """How the product is served, as the profile says; "" if it does not."""

    @cached_property
    def hints(self) -> tuple[Hint, ...]:
        """What the commands of the project say, the surest first."""
        found = (hints.hint(one, self.files) for one in commands.commands(self.files))
        return tuple(filter(None, found))

    @cached_property
    def scripts(self) -> tuple[programs.Script, ...]:
        """The console scripts of the project, the main one first."""
        return programs.console_scripts(self.files)


def of_application(found: Application) -> Found:
    """Return the product that serves *found*."""
    serve = Value("serve", found.serve, found.where)
    return Found((Value("entry", found.entry, found.where), serve))


def of_page(page: Page) -> Found:
    """Return the product that shows *page*."""
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


def of_script(
    project: Project, script: programs.Script, where: str, arguments: tuple[str, ...] = ()
) -> Found:
    """Return the product of a console script: what it serves, else the program itself.

    With *arguments*, the subcommand that they name decides what it serves.
    """
    subcommands = parsers.subcommands(project.applications, script.entry)
    served = None
    if project.wanted != "function":
        named = [word for word in arguments if word in (subcommands or ())]
        if named or not subcommands:
            served = _served_by_function(project, script.entry, named[:1])
    if served and served.application:
        return of_application(replace(served.application, file=where.rpartition(":")[0] or where,
                                      line=_line(where)))  # fmt: skip
    values = [Value("entry", script.entry, script.where)]
    if not script.console:
        values.append(Value("console", value=False, reason=script.where))
    return _listening(served, Found(tuple(values)))


def of_file(project: Project, file: str, where: str) -> Found | None:
    """Return the product of a script or of a package's `__main__`: what it serves, else itself."""
    module = project.files.modules.get(file)
    if module is None:
        return None
    found = served_by_file(project, file)
    if found and found.application and project.wanted != "function":
        product = of_application(found.application)
        return Found(tuple(replace(value, reason=where) for value in product.values))
    return _listening(found, Found((Value("entry", module, where),)))


def served_by_file(project: Project, file: str) -> serving.Served | None:
    """Return what the module in *file* serves when it is run, None if it serves nothing."""
    scope = project.applications.scope_of_file(file)
    tree = project.files.tree(file) if scope else None
    return serving.served(project.applications, scope, tree.body) if scope and tree else None


def _listening(served: serving.Served | None, found: Found) -> Found:
    """Return the program *found* with the port at which it listens by itself.

    A port that the program takes from a variable can be given to it; any other must be named.
    """
    if served is None:
        return found
    if served.port and "variable" in served.port:
        service = {"name": "api", "port": dict(served.port)}
        return found.with_value(Value("services", [service], served.where))
    number = served.port["number"] if served.port else "PORT"
    return found.with_notes(
        f"{served.where}: the program listens by itself, so its port must be named: write a "
        "[[services]] table with "
        f'name = "api" and port = {{ mode = "fixed", number = {number}, by = "environment" }}'
    )


def _served_by_function(project: Project, entry: str, named: list[str]) -> serving.Served | None:
    """Return what the function *entry* serves, or the function of the subcommand *named*."""
    module, _, name = entry.partition(":")
    scope = project.applications.scope(module)
    if scope is None:
        return None
    name = named[0].replace("-", "_") if named else name
    if name not in scope.functions and name in scope.imports:
        owner, _, name = scope.imports[name].rpartition(".")
        scope = project.applications.scope(owner)
    function = scope.functions.get(name) if scope else None
    if scope is None or function is None:
        return None
    return serving.served(project.applications, scope.inside(function), function.body)


def _line(where: str) -> int:
    number = where.rpartition(":")[2]
    return int(number) if number.isdigit() else 1
