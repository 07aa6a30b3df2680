"""Pages that bring their own launcher: Streamlit, Panel, Gradio and NiceGUI.

Dash is a WSGI application (`applications.py`). The command lines were tried with Streamlit 1.5x,
Panel 1.8, Gradio 6 and NiceGUI 3.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from frostline.infer import module_names
from frostline.infer.applications import Applications
from frostline.infer.hints import Hint
from frostline.infer.scopes import Scope, calls, keyword
from frostline.infer.services import PORT_ARGUMENT, Service, fixed_port, port_in_code
from frostline.infer.source_files import SourceFiles

_LIKELY = ("streamlit_app", "app", "main", "home", "page", "dashboard", "index", "ui")
_NICEGUI_PORT = 8080


@dataclass(frozen=True)
class Page:
    """A page: its *service*, the files that its launcher reads, and what the user must change."""

    service: Service
    packages: tuple[str, ...]
    scripts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def of_hint(found: Hint, applications: Applications) -> Page | None:
    """Return the page that a command such as `streamlit run page.py` names."""
    name = PurePosixPath(found.target).name
    files = [file for file in applications.files.modules if PurePosixPath(file).name == name]
    file = min(files, key=lambda file: (not found.target.endswith(file), file), default="")
    framework = found.started.words[0]
    if not file or framework not in {"streamlit", "panel", "gradio"}:
        return None
    return _page(framework, file, found.started.where, applications)


def by_imports(applications: Applications) -> tuple[Page, ...]:
    """Return the pages of the project, the likeliest first."""
    found: list[tuple[tuple[object, ...], Page]] = []
    for file in applications.files.python_with("streamlit", "panel", "gradio", "nicegui"):
        scope = applications.scope_of_file(file)
        tree = applications.files.tree(file)
        if scope is None or tree is None or module_names.aside(file):
            continue
        for framework in _shown(scope, tree):
            # Pages of a Streamlit application with several: the launcher finds them itself.
            if framework == "streamlit" and "pages" in PurePosixPath(file).parts:
                continue
            page = _page(framework, file, applications.files.line_of(file, framework), applications)
            found.append((_rank(file, tree, scope), page))
    return tuple(page for _, page in sorted(found, key=lambda item: item[0]))


def _page(framework: str, file: str, where: str, applications: Applications) -> Page:
    scope = applications.scope_of_file(file)
    tree = applications.files.tree(file)
    if framework == "streamlit":
        return _streamlit(file, where, applications.files)
    if framework == "panel":
        words = ("serve", f"{{bundle}}/{file}", "--port", "{port}", "--address", "127.0.0.1")
        service = Service("page", "panel.command:main", where, "function", words, PORT_ARGUMENT)
        return Page(service, ("panel", "bokeh"), (file,))
    entry = applications.files.modules[file]
    every = [*calls([tree] if tree else [])]
    if framework == "gradio":
        launch = [call for call in every if _method(call) == "launch"]
        port = port_in_code(keyword(launch[0], "server_port"), scope) if launch and scope else None
        port = port or {"mode": "ephemeral", "by": "environment", "variable": "GRADIO_SERVER_PORT"}
        environment = {"GRADIO_ANALYTICS_ENABLED": "False"}
        service = Service("page", entry, where, "function", (), port, environment)
        return Page(service, ("gradio", "gradio_client"))
    run = [call for call in every if scope and scope.full_name(call.func) == "nicegui.ui.run"]
    port = port_in_code(keyword(run[0], "port"), scope) if run and scope else None
    service = Service("page", entry, where, "function", (), port or fixed_port(_NICEGUI_PORT))
    reload = keyword(run[0], "reload") if run else None
    notes: tuple[str, ...] = ()
    if run and not (isinstance(reload, ast.Constant) and reload.value is False):
        note = "ui.run reloads by starting Python again, which a frozen program is not"
        notes = (f"{file}:{run[0].lineno}: {note}: write ui.run(reload=False)",)
    return Page(service, ("nicegui",), notes=notes)


def _streamlit(file: str, where: str, files: SourceFiles) -> Page:
    # Streamlit takes itself for a checkout of its own source when it is frozen, and refuses
    # server.port then; its file watcher has nothing to watch.
    words = (
        "run", f"{{bundle}}/{file}", "--server.port", "{port}", "--server.address", "127.0.0.1",
        "--server.headless", "true", "--server.fileWatcherType", "none",
        "--global.developmentMode", "false", "--browser.gatherUsageStats", "false",
    )  # fmt: skip
    service = Service("page", "streamlit.web.cli:main", where, "function", words, PORT_ARGUMENT)
    folder = PurePosixPath(file).parent
    others = [
        name
        for name in files.names
        if name.endswith(".py") and PurePosixPath(name).parent == folder / "pages"
    ]
    settings = [name for name in files.names if name == ".streamlit/config.toml"]
    return Page(service, ("streamlit",), (file, *others, *settings))


def _shown(scope: Scope, tree: ast.Module) -> Iterator[str]:
    """Yield the frameworks whose page this module is: it shows something when it is run."""
    tops = {full.partition(".")[0] for full in scope.imports.values()}
    every = [*calls([tree])]
    names = [scope.full_name(call.func) for call in every]
    methods = {_method(call) for call in every}
    if "streamlit" in tops and any(name.startswith("streamlit.") for name in names):
        yield "streamlit"
    if "panel" in tops and "servable" in methods:
        yield "panel"
    if "gradio" in tops and "launch" in methods:
        yield "gradio"
    if "nicegui.ui.run" in names:
        yield "nicegui"


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _rank(file: str, tree: ast.Module, scope: Scope) -> tuple[object, ...]:
    names = {scope.full_name(call.func) for call in calls([tree])}
    stem = PurePosixPath(file).stem.lower()
    return (
        not names & {"streamlit.set_page_config", "streamlit.navigation"},
        _LIKELY.index(stem) if stem in _LIKELY else len(_LIKELY),
        file.count("/"),
        file,
    )
