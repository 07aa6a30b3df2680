"""The programs of a project: its console scripts, its packages that run, its plain scripts."""

import ast
import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from frostline.infer import module_names
from frostline.infer.applications import Applications, is_factory
from frostline.infer.scopes import calls, keyword, text_of
from frostline.infer.source_files import SourceFiles, table

# Names of plain scripts, the likeliest first.
_SCRIPTS = ("app.py", "main.py", "__main__.py", "run.py", "server.py", "start.py", "cli.py")
_SCRIPT = re.compile(r"\s*([\w.-]+)\s*=\s*([\w.]+:[\w.]+)\s*(\[.*\])?\s*")


@dataclass(frozen=True)
class Script:
    """A program with a *name* (a console script): *entry*, *where* it is declared."""

    name: str
    entry: str
    where: str
    console: bool = True


def console_scripts(files: SourceFiles) -> tuple[Script, ...]:
    """Return the console and GUI scripts that the project declares, the main one first.

    The main one has the project's name; else the first that is declared.
    """
    declared: dict[str, Script] = {}
    for script in (*_pyproject(files), *_setup_cfg(files), *_setup_py(files)):
        declared.setdefault(script.name, script)
    wanted = plain(project_name(files))
    return tuple(sorted(declared.values(), key=lambda script: plain(script.name) != wanted))


def project_name(files: SourceFiles) -> str:
    """Return the name that the project gives itself, else that of its folder."""
    project = table(files.pyproject, "project") or table(files.pyproject, "tool", "poetry")
    name = project.get("name")
    return name if isinstance(name, str) else files.root.resolve().name


def runnable(files: SourceFiles) -> tuple[str, ...]:
    """Return the files that can be run as they are, the likeliest first.

    First packages with `__main__.py`, if the project is one to install; then scripts at the top.
    """
    python = [name for name in files.modules if not module_names.aside(name)]
    mains = [name for name in python if name.endswith("/__main__.py")]
    top = [name for name in python if _at_top(name, files) and not name.endswith("__init__.py")]
    likely = [name for name in top if PurePosixPath(name).name in _SCRIPTS]
    likely.sort(key=lambda name: (name.count("/"), _SCRIPTS.index(PurePosixPath(name).name)))
    guarded = [name for name in top if name not in likely and b"__main__" in files.data(name)]
    single = top if len(top) == 1 else []
    installed = is_installable(files)
    order = [*mains, *likely] if installed else [*likely, *mains]
    return tuple(dict.fromkeys([*order, *guarded, *single]))


def main_functions(applications: Applications) -> tuple[Script, ...]:
    """Return the functions `main` of modules that do not call them, the likeliest first."""
    files, found = applications.files, []
    for file in files.python_with("def main("):
        scope = None if module_names.aside(file) else applications.scope_of_file(file)
        function = scope.functions.get("main") if scope else None
        calls_it = b"__main__" in files.data(file) or file.endswith("__main__.py")
        if scope is None or function is None or calls_it or not is_factory(function):
            continue
        last = PurePosixPath(file).name
        likely = _SCRIPTS.index(last) if last in _SCRIPTS else len(_SCRIPTS)
        own = plain(scope.name) != plain(project_name(files))
        script = Script("main", f"{scope.name}:main", f"{file}:{function.lineno}")
        found.append(((scope.name.count("."), own, likely, scope.name), script))
    return tuple(script for _, script in sorted(found, key=lambda item: item[0]))


def is_installable(files: SourceFiles) -> bool:
    """Return whether the project has a build backend, or what one reads."""
    has = {"build-system", "project"} & {*files.pyproject} or "setup.py" in files.known
    return bool(has or "setup.cfg" in files.known or table(files.pyproject, "tool", "poetry"))


def _at_top(name: str, files: SourceFiles) -> bool:
    root = module_names.root_of(name, files.import_roots)
    folder = str(PurePosixPath(name).parent)
    return folder in {root or ".", "src"}


def _pyproject(files: SourceFiles) -> Iterator[Script]:
    tool = table(files.pyproject, "tool")
    project = table(files.pyproject, "project")
    for scripts, console in (
        (table(project, "scripts"), True),
        (table(project, "gui-scripts"), False),
        (table(tool, "poetry", "scripts"), True),
        (table(tool, "flit", "scripts"), True),
    ):
        for name, value in scripts.items():
            entry = value.get("callable") if isinstance(value, dict) else value
            if isinstance(entry, str) and ":" in entry:
                target = entry.partition("[")[0].strip().replace(" ", "")
                yield Script(name, target, _line(files, "pyproject.toml", name, target), console)


def _setup_cfg(files: SourceFiles) -> Iterator[Script]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(files.text("setup.cfg"))
    except configparser.Error as error:
        files.notes.append(f"setup.cfg was not looked at: {str(error).splitlines()[0]}")
        return
    section = "options.entry_points"
    yield from _lines(parser.get(section, "console_scripts", fallback=""), "setup.cfg", files)
    yield from _lines(
        parser.get(section, "gui_scripts", fallback=""), "setup.cfg", files, console=False
    )


def _setup_py(files: SourceFiles) -> Iterator[Script]:
    """Yield what `setup(entry_points=…)` declares, as far as it is written out."""
    tree = files.tree("setup.py") if "setup.py" in files.known else None
    for call in calls([tree] if tree else []):
        points = keyword(call, "entry_points")
        if isinstance(points, ast.Name) and tree:
            points = _assigned(points.id, tree)
        groups: Mapping[str, ast.expr] = {}
        if isinstance(points, ast.Dict):
            pairs = zip(points.keys, points.values, strict=True)
            groups = {text_of(key): value for key, value in pairs if key is not None}
        for group, console in (("console_scripts", True), ("gui_scripts", False)):
            value = groups.get(group)
            if isinstance(value, ast.List | ast.Tuple):
                lines = "\n".join(text_of(item) for item in value.elts)
            else:
                lines = text_of(value)
            yield from _lines(lines, "setup.py", files, console=console)


def _assigned(name: str, tree: ast.Module) -> ast.expr | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return node.value
    return None


def _lines(text: str, file: str, files: SourceFiles, *, console: bool = True) -> Iterator[Script]:
    for line in text.splitlines():
        if found := _SCRIPT.fullmatch(line):
            yield Script(found[1], found[2], _line(files, file, found[1], found[2]), console)


def _line(files: SourceFiles, file: str, name: str, entry: str) -> str:
    found = (n for n, line in files.lines(file) if name in line and entry in line)
    return f"{file}:{next(found, 1)}"


def plain(name: str) -> str:
    """Return *name* as the index compares names of projects."""
    return re.sub(r"[-_.]+", "-", name).lower()
