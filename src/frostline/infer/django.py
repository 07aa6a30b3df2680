"""Django projects: settings, server, static files, and what the settings name by text."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from frostline.infer import module_names
from frostline.infer.applications import Applications
from frostline.infer.scopes import Scope, calls, text_of
from frostline.infer.source_files import SourceFiles

_SETTINGS = "DJANGO_SETTINGS_MODULE"
_ASGI_APPS = {"daphne", "channels"}
_DEEPEST = 3  # settings that import settings
_STEP = "static files"
# Static files are collected into the work folder, whatever STATIC_ROOT says.
_COLLECT = (
    "import os, sys; sys.path.insert(0, {root!r}); "
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', {settings!r}); "
    "import django; django.setup(); from django.conf import settings; "
    "settings.STATIC_ROOT = sys.argv[1]; from django.core.management import call_command; "
    "call_command('collectstatic', interactive=False, verbosity=0)"
)


@dataclass(frozen=True)
class Django:
    """A Django project: *values* are (key, value, reason) of the profile."""

    values: tuple[tuple[str, object, str], ...]
    notes: tuple[str, ...]


def read(applications: Applications, *, asgi: bool) -> Django | None:
    """Return what is known of the Django project in the files, None if there is none.

    With *asgi*, a command of the project starts an ASGI server.
    """
    files = applications.files
    found = _settings_module(applications)
    if found is None:
        return None
    settings_module, where = found
    settings = [*_settings(applications, settings_module)]
    names = _listed(settings, "INSTALLED_APPS")
    channels = _ASGI_APPS & {*names} or _value(settings, "ASGI_APPLICATION")
    by = "asgi" if asgi or channels else "wsgi"
    server = _server(applications, by) or _server(applications, "asgi" if by == "wsgi" else "wsgi")
    values: list[tuple[str, object, str]] = []
    if server:
        values += [("entry", server[0], server[2]), ("serve", server[1], server[2])]
    values += [
        ("console_scripts", ["django-admin"], where),
        (f"environment.defaults.{_SETTINGS}", settings_module, where),
    ]
    packages = {"django", *(_package(name, files) for name in _texts(settings))} - {""}
    for package in sorted(packages):
        reason = f"{settings_module} names it" if package != "django" else where
        values.append((f"packages.{package}", {"submodules": True, "data": True}, reason))
    data, notes = _folders(files, settings, settings_module)
    static = _static_root(settings)
    if static:
        root, place, reason = _root(files), static[0], static[1]
        code = _COLLECT.format(root=root or ".", settings=settings_module)
        inputs = sorted({_top(name) for name in files.names if not module_names.aside(name)})
        step = {
            "name": _STEP,
            "run": ["{python}", "-c", code, "{work}/static"],
            "inputs": inputs,
            "outputs": ["{work}/static"],
        }
        values.append(("before", [step], reason))
        data.append({"source": "{work}/static", "destination": place})
    if data:
        values.append(("data", data, f"{settings_module}: templates and static files"))
    if not server:
        notes.append(
            f"{where}: neither wsgi.py nor asgi.py was found: "
            'write entry = "PROJECT.wsgi:application" and serve = "wsgi"'
        )
    return Django(tuple(values), tuple(notes))


def _settings_module(applications: Applications) -> tuple[str, str] | None:
    """Return the project's settings and where they are named, None if they are nowhere.

    A Dockerfile or Procfile knows what production uses, then `wsgi.py`, and `manage.py` last.
    """
    files = applications.files
    order = ("dockerfile", "procfile", "wsgi.py", "asgi.py", "manage.py")
    named = [
        name
        for name in files.names
        if PurePosixPath(name).name.lower() in order and not module_names.in_aside_folder(name)
    ]
    named.sort(key=lambda name: (order.index(PurePosixPath(name).name.lower()), name.count("/")))
    for name in named:
        for number, line in files.lines(name):
            found = _NAMED.search(line)
            if found and found[1] in files.files:
                return found[1], f"{name}:{number}"
    return None


_NAMED = re.compile(_SETTINGS + r"""["']?\]?[ =:,]+["']?([\w.]+)""")


def _settings(applications: Applications, module: str, depth: int = 0) -> Iterator[Scope]:
    """Yield the module of the settings, and those whose names it imports with a star."""
    scope = applications.scope(module)
    if scope is None or depth > _DEEPEST:
        return
    yield scope
    for name in scope.imports:
        if name.endswith(".*"):
            yield from _settings(applications, name.removesuffix(".*"), depth + 1)


def _value(settings: list[Scope], name: str) -> tuple[ast.expr, Scope] | None:
    return next(((scope.values[name], scope) for scope in settings if name in scope.values), None)


def _server(applications: Applications, serve: str) -> tuple[str, str, str] | None:
    """Return entry, kind and place of the application in `wsgi.py` or `asgi.py`."""
    for application in applications.all():
        module, _, name = application.entry.partition(":")
        if name == "application" and module.rpartition(".")[2] == serve == application.serve:
            return application.entry, application.serve, application.where
    return None


def _listed(settings: list[Scope], name: str) -> tuple[str, ...]:
    """Return the texts in the setting *name*, also what modules with a star add to it."""
    values = (scope.values[name] for scope in settings if name in scope.values)
    nodes = (node for value in values for node in ast.walk(value))
    return tuple(filter(None, (text_of(node) for node in nodes if isinstance(node, ast.expr))))


def _texts(settings: list[Scope]) -> Iterator[str]:
    """Yield what the settings name by text: applications, classes, context processors."""
    for scope in settings:
        for name, value in scope.values.items():
            for node in ast.walk(value) if name.isupper() else ():
                text = text_of(node) if isinstance(node, ast.expr) else ""
                if re.fullmatch(r"[a-z_]\w*(\.\w+)*", text) and _is_module(name, text):
                    yield text


def _is_module(setting: str, text: str) -> bool:
    last = text.rpartition(".")[2]
    return (
        setting == "INSTALLED_APPS"
        or ("." in text and last[:1].isupper())
        or ".context_processors." in text
    )


def _package(name: str, files: SourceFiles) -> str:
    """Return the installed top package of the dotted *name*, "" if it needs no mention."""
    top = name.partition(".")[0]
    own = any(module == top or module.startswith(f"{top}.") for module in files.files)
    return "" if own or top == "django" or top in sys.stdlib_module_names else top


def _folders(
    files: SourceFiles, settings: list[Scope], module: str
) -> tuple[list[dict[str, object]], list[str]]:
    """Return the folders of templates and static files that lie in no package."""
    data: list[dict[str, object]] = []
    notes: list[str] = []
    for key in ("TEMPLATES", "STATICFILES_DIRS", "LOCALE_PATHS", "FIXTURE_DIRS"):
        found = _value(settings, key)
        for node in _paths(found[0]) if found else ():
            folder = _resolved(node) if found else None
            source = "/".join(filter(None, (_root(files), folder)))
            if folder is None:
                notes.append(
                    f"{found[1].file}:{node.lineno}: the folder in {key} is computed: "
                    "write a [[data]] table with source and destination"
                    if found else module
                )  # fmt: skip
            elif any(name.startswith(f"{source}/") for name in files.names):
                # The settings' modules lie at the top of the bundle.
                table: dict[str, object] = {"source": source, "destination": folder}
                if table not in data:
                    data.append(table)
    return data, notes


def _paths(value: ast.expr) -> Iterator[ast.expr]:
    """Yield the folders in the value of a setting: a list, or DIRS in the list of TEMPLATES."""
    if isinstance(value, ast.List | ast.Tuple):
        for item in value.elts:
            if isinstance(item, ast.Dict):
                for key, inner in zip(item.keys, item.values, strict=True):
                    if key is not None and text_of(key) == "DIRS":
                        yield from _paths(inner)
            else:
                yield item


def _static_root(settings: list[Scope]) -> tuple[str, str] | None:
    found = _value(settings, "STATIC_ROOT")
    if found is None or (isinstance(found[0], ast.Constant) and not found[0].value):
        return None
    folder = _resolved(found[0])
    where = f"{found[1].file}:{found[0].lineno}"
    return (folder or "static", where)


def _resolved(node: ast.expr) -> str | None:
    """Return the folder below that of manage.py that *node* names, None if it is computed.

    `BASE_DIR` is the folder above the settings' package, as Django's template has it.
    """
    texts = [text for part in ast.walk(node) if isinstance(part, ast.expr)
             if (text := text_of(part))]  # fmt: skip
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    computed = [call for call in calls([node]) if ast.unparse(call.func) not in _JOINS]
    if computed or any(text.startswith("/") for text in texts):
        return None
    anchor = [name for name in names if re.search(r"(BASE|ROOT|PROJECT|DIR)", name)]
    if not (anchor or "__file__" in names) or not texts:
        return None
    return "/".join(text.strip("/") for text in texts)


_JOINS = {"os.path.join", "join", "Path", "str", "BASE_DIR.joinpath", "path.join"}


def _root(files: SourceFiles) -> str:
    """Return the folder of manage.py."""
    found = [name for name in files.names if PurePosixPath(name).name == "manage.py"]
    folder = (
        str(PurePosixPath(min(found, key=lambda name: name.count("/"))).parent) if found else ""
    )
    return "" if folder == "." else folder


def _top(name: str) -> str:
    return name.partition("/")[0]
