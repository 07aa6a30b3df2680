"""Places every option of a PyInstaller spec in a key of the profile, or lists it with its line."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar, cast

from frostline.infer import module_names, programs
from frostline.infer.source_files import SourceFiles
from frostline.infer.spec_options import ADVICE, DEFAULTS, HARMLESS, KEYS, PATHS
from frostline.infer.spec_places import Places, Spec
from frostline.infer.spec_statements import Statements
from frostline.infer.spec_values import Collected, Computed, Made, Part

T = TypeVar("T")
_FILES = {"datas": "data", "binaries": "binaries"}
_ENTRY_OF_TOC = 3
"""Name in the bundle, source and kind: so it stands in PyInstaller's tables of contents."""


def read_project(files: SourceFiles) -> Spec | None:
    """Return the spec of the project, None if it has none; of several the first at the top."""
    names = [name for name in files.names if name.endswith(".spec")]
    python = [name for name in names if b"Analysis(" in files.data(name)]
    if not python:
        return None
    aside = module_names.in_aside_folder
    first, *others = sorted(python, key=lambda name: (aside(name), name.count("/"), name))
    spec = read(first, files)
    spec.notes += [f"{name}: another spec: only {first} was read" for name in others]
    return spec


def read(name: str, files: SourceFiles) -> Spec:
    """Return what the spec *name* says."""
    spec = Spec(name)
    tree = files.tree(name)
    if tree is None:
        return spec
    statements = Statements()
    statements.follow(tree.body)
    reader = _Reader(spec, files)
    for made in statements.made:
        reader.place(made)
    reader.finish()
    return spec


class _Reader:
    """Places the options of what a spec makes, one after the other."""

    def __init__(self, spec: Spec, files: SourceFiles) -> None:
        self.spec, self.files = spec, files
        self.places = Places(spec, files)
        self.programs: list[Made] = []

    def place(self, made: Made) -> None:
        """Place every argument of *made*."""
        kinds: dict[str, Callable[[Made], None]] = {
            "Analysis": self._analysis, "EXE": self._program, "COLLECT": self._collect,
            "BUNDLE": self._bundle, "Splash": self._splash,
        }  # fmt: skip
        if made.kind == "MERGE":
            self.places.note(made.line, "MERGE", ADVICE["MERGE"])
        elif made.kind in kinds:
            kinds[made.kind](made)

    def finish(self) -> None:
        """Place what several options make together, and the further programs."""
        self.places.finish()
        others: list[dict[str, object]] = []
        for number, made in enumerate(self.programs[1:], start=2):
            name = made.keywords.get("name")
            if entry := self._entry(made):
                name = name if isinstance(name, str) else f"program{number}"
                others.append({"name": name, "entry": entry})
            for option, value in made.keywords.items():
                same = value == self.programs[0].keywords.get(option)
                if option != "name" and not same and value not in HARMLESS.get(option, ()):
                    todo = "only the first executable's options are keys"
                    self.places.note(made.lines[option], f"{option} = {_text(value)}", todo)
        if others:
            self.places.value("executables", others, self.programs[1].line)

    def _analysis(self, made: Made) -> None:
        self._scripts(made)
        for value in made.arguments[1:]:
            self._pathex(value, made.line)
        for name, value in made.keywords.items():
            line = made.lines[name]
            if name in _FILES:
                self.places.files(_FILES[name], value, line)
            elif name == "pathex":
                self._pathex(value, line)
            elif name != "scripts":
                self._option(name, value, line)
        for name, added in made.added.items():
            if name in _FILES:
                self.places.files(_FILES[name], [*map(_pair, added)], made.line)
            else:
                self.places.note(made.line, f"a.{name} is changed", "leave it out, or use excludes")

    def _scripts(self, made: Made) -> None:
        scripts = made.arguments[0] if made.arguments else made.keywords.get("scripts")
        first, *more = scripts if isinstance(scripts, list) and scripts else [None]
        if isinstance(first, Computed):
            self.places.note(first.line, first.text, 'write entry = "module"')
        elif isinstance(first, str) and not self.spec.script:
            self.spec.script = self.places.path(first)
            self.spec.where = f"{self.spec.file}:{made.line}"
            if self.spec.script not in self.files.modules:
                todo = 'write entry = "module": it is no module of the project'
                self.places.note(made.line, f"the script {first!r}", todo)
        for script in more:
            todo = "write its module in hidden_imports"
            self.places.note(made.line, f"the script {_text(script)}", todo)

    def _pathex(self, value: object, line: int) -> None:
        for item in value if isinstance(value, list) else [value]:
            path = self.places.path(item) if isinstance(item, str) else ""
            if isinstance(item, Computed) or path.removesuffix(".") not in self.files.import_roots:
                self.places.note(
                    line, f"pathex {_text(item)}", "write source = the folder of the project"
                )

    def _program(self, made: Made) -> None:
        self.programs.append(made)
        for argument in made.arguments:
            for item in argument if isinstance(argument, list) else [argument]:
                if isinstance(item, tuple) and item[-1:] == ("OPTION",):
                    self.places.more("interpreter_options", [item[0]], made.line)
                elif isinstance(item, Computed):
                    self.places.note(item.line, item.text, "write the key that it stands for")
        if len(self.programs) > 1:
            return
        binaries = (isinstance(item, Part) and item.name == "binaries" for item in made.arguments)
        layout = "onefile" if any(binaries) else "onedir"
        self.places.value("layout", layout, made.line)
        for name, value in made.keywords.items():
            if name == "name":
                self._name(value, made.lines[name])
            elif name == "icon":
                self._icon(value, made.lines[name])
            else:
                self._option(name, value, made.lines[name])

    def _collect(self, made: Made) -> None:
        for argument in made.arguments:
            if isinstance(argument, Made) and argument.kind == "Tree":
                self.places.files("data", [argument], argument.line)
            elif isinstance(argument, Computed):
                self.places.note(argument.line, argument.text, "write [[data]] for what it adds")
        for name, value in made.keywords.items():
            if name not in {"name", "strip"}:
                self._option(name, value, made.lines[name])

    def _bundle(self, made: Made) -> None:
        app: dict[str, object] = {}
        for name, value in made.keywords.items():
            line = made.lines[name]
            if isinstance(value, Computed):
                self.places.note(value.line, f"{name} = {value.text}", f"write app.{name}")
            elif name == "info_plist" and isinstance(value, dict):
                app["info_plist"] = self._known("app.info_plist", value)
            elif name == "icon" and isinstance(value, str):
                app["icon"] = self.places.path(value)
            elif name == "version":
                self.places.note(line, f"version = {value!r}", "the product's version is used")
            elif name == "name":
                self._name(value, line)
            else:
                self._option(name, value, line)
        self.places.value("app", app, made.line)

    def _splash(self, made: Made) -> None:
        image = made.arguments[0] if made.arguments else made.keywords.get("image")
        if not isinstance(image, str):
            self.places.note(made.line, "Splash", 'write splash.image = "FILE"')
            return
        table: dict[str, object] = {"image": self.places.path(image)}
        for name, value in made.keywords.items():
            if name in {"image", "binaries", "datas"}:
                continue
            if isinstance(value, Computed):
                self.places.note(value.line, f"{name} = {value.text}", f"write splash.{name}")
            elif value is not None:
                table[name] = list(value) if isinstance(value, tuple) else value
        self.places.value("splash", table, made.line)

    def _option(self, name: str, value: object, line: int) -> None:
        """Place the option *name*, or note it unless it has the value that changes nothing."""
        key = KEYS.get(name)
        if isinstance(value, Computed):
            todo = f"write {key}" if key else ADVICE.get(name, "it has no key: leave it out")
            self.places.note(value.line, f"{name} = {value.text}", todo)
        elif key and isinstance(value, list):
            for item in value:
                if isinstance(item, Collected):
                    self.places.package(item)
            known = self._known(key, [item for item in value if not isinstance(item, Collected)])
            paths = name in PATHS
            self.places.more(
                key, [self.places.path(str(item)) if paths else item for item in known], line
            )
        elif name in HARMLESS and value in HARMLESS[name]:
            return
        elif key:
            if value not in (None, {}) and value != DEFAULTS.get(name, DEFAULTS):
                is_path = name in PATHS and isinstance(value, str)
                text = self.places.path(str(value)) if is_path else value
                whole = self._known(key, text) if isinstance(text, dict) else text
                self.places.value(key, whole, line)
        else:
            todo = ADVICE.get(name, "it has no key: leave it out")
            self.places.note(line, f"{name} = {_text(value)}", todo)

    def _known(self, key: str, value: T) -> T:
        """Return the list or table *value* without what is computed, which is noted."""
        if isinstance(value, dict):
            table = {str(name): self._known(key, item) for name, item in value.items()}
            kept = {name: item for name, item in table.items() if not isinstance(item, Computed)}
            return cast("T", kept)
        if isinstance(value, list | tuple):
            items = [self._known(key, item) for item in value]
            return cast("T", [item for item in items if not isinstance(item, Computed)])
        if isinstance(value, Computed):
            self.places.note(value.line, value.text, f"write {key}")
        return value

    def _name(self, value: object, line: int) -> None:
        """Note a name that is not the product's."""
        plain = value.removesuffix(".app").removesuffix(".exe") if isinstance(value, str) else ""
        if programs.plain(plain) != programs.plain(programs.project_name(self.files)):
            self.places.note(line, f"name = {_text(value)}", ADVICE["name"])

    def _icon(self, value: object, line: int) -> None:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item.lower().endswith(".ico"):
                self.places.value("icon.windows", self.places.path(item), line)
            elif item not in HARMLESS["icon"]:
                self.places.note(line, f"icon = {_text(item)}", 'write icon.windows = "FILE.ico"')

    def _entry(self, made: Made) -> str:
        """Return the module that is the script of the program *made*."""
        for argument in made.arguments:
            if isinstance(argument, Part) and argument.name == "scripts":
                scripts = argument.of.arguments[0] if argument.of.arguments else None
                if isinstance(scripts, list) and scripts and isinstance(scripts[0], str):
                    return self.files.modules.get(self.places.path(scripts[0]), "")
        self.places.note(made.line, "an EXE", "write an [[executables]] table with name and entry")
        return ""


def _text(value: object) -> str:
    return value.text if isinstance(value, Computed) else repr(value)


def _pair(item: object) -> object:
    """Return an entry of a table of contents as (source, folder in the bundle)."""
    if isinstance(item, tuple) and len(item) == _ENTRY_OF_TOC:
        return item[1], str(PurePosixPath(str(item[0])).parent)
    return item
