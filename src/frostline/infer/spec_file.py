"""Places every option of a PyInstaller spec in a key of the profile, or lists it with its line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from frostline.infer import module_names
from frostline.infer.source_files import SourceFiles
from frostline.infer.spec_values import Collected, Computed, Made, Part, Values


@dataclass
class Spec:
    """A spec: *script* is the file of its first Analysis; *values* are (key, value, reason)."""

    file: str
    script: str = ""
    where: str = ""
    values: list[tuple[str, object, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


# Options without effect here, while they have these values; others are listed.
_HARMLESS: dict[str, tuple[object, ...]] = {
    "cipher": (None,), "win_no_prefer_redirects": (False, True), "noarchive": (False,),
    "win_private_assemblies": (False, True), "debug": (False,), "upx": (False,),
    "bootloader_ignore_signals": (False,), "upx_exclude": ([], ()), "runtime_tmpdir": (None,),
    "disable_windowed_traceback": (False,), "argv_emulation": (False,), "target_arch": (None,),
    "exclude_binaries": (True, False), "append_pkg": (True, False), "hide_console": (None,),
    "uac_uiaccess": (False,), "embed_manifest": (True,), "resources": ([], None),
    "codesign_identity": (None,), "entitlements_file": (None,), "icon": (None, [], "NONE"),
    "version": (None,), "manifest": (None,), "splash": (None,), "bundle_identifier": (None,),
}  # fmt: skip
_ADVICE = {
    "upx": "executables are never compressed with UPX: leave it out",
    "upx_exclude": "executables are never compressed with UPX: leave it out",
    "cipher": "PyInstaller no longer encrypts bytecode: leave it out",
    "noarchive": 'write module_collection_mode = { PACKAGE = "py" } for what needs its files',
    "debug": "for one build, `frostline build` takes --debug of the log: leave it out",
    "target_arch": "choose the platform with --platform",
    "runtime_tmpdir": "where an artifact unpacks itself is its user's choice: leave it out",
    "name": "the executable has the product's name: name the product so",
    "MERGE": "executables of one bundle share their files: leave it out",
}
# Options that are keys of the same meaning.
_KEYS = {
    "hiddenimports": "hidden_imports", "excludes": "excludes", "hooksconfig": "hooksconfig",
    "hookspath": "hooks", "runtime_hooks": "runtime_hooks", "optimize": "optimize",
    "module_collection_mode": "module_collection_mode", "console": "console", "strip": "strip",
    "version": "version_file", "manifest": "manifest", "uac_admin": "uac_admin",
    "contents_directory": "contents_directory", "codesign_identity": "signing.identity",
    "entitlements_file": "signing.entitlements", "bundle_identifier": "about.identifier",
}  # fmt: skip
_PATHS = {"hookspath", "runtime_hooks", "version", "manifest", "entitlements_file"}
_DEFAULTS: dict[str, object] = {"console": True, "strip": False, "optimize": -1, "uac_admin": False}


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
    values = Values()
    values.follow(tree.body)
    reader = _Reader(spec, files)
    for made in values.made:
        reader.place(made)
    reader.finish()
    return spec


class _Reader:
    """Places the options of what a spec makes, one after the other."""

    def __init__(self, spec: Spec, files: SourceFiles) -> None:
        self.spec, self.files = spec, files
        self.folder = PurePosixPath(spec.file).parent
        self.programs: list[Made] = []
        self.packages: dict[str, dict[str, bool]] = {}
        self.lists: dict[str, tuple[list[object], str]] = {}

    def place(self, made: Made) -> None:
        """Place every argument of *made*."""
        kinds: dict[str, Callable[[Made], None]] = {
            "Analysis": self._analysis, "EXE": self._program, "COLLECT": self._collect,
            "BUNDLE": self._bundle, "Splash": self._splash,
        }  # fmt: skip
        if made.kind == "MERGE":
            self._note(made.line, "MERGE", _ADVICE["MERGE"])
        elif made.kind in kinds:
            kinds[made.kind](made)

    def finish(self) -> None:
        """Add the keys that several options make together."""
        for key, (items, where) in self.lists.items():
            if items:
                self.spec.values.append((key, items, where))
        for package, keys in self.packages.items():
            self.spec.values.append((f"packages.{package}", keys, self.spec.file))
        others = [
            {"name": str(made.keywords.get("name") or f"program{number}"), "entry": entry}
            for number, made in enumerate(self.programs[1:], start=2)
            if (entry := self._entry(made))
        ]
        if others:
            where = f"{self.spec.file}:{self.programs[1].line}"
            self.spec.values.append(("executables", others, where))

    def _analysis(self, made: Made) -> None:
        scripts = made.arguments[0] if made.arguments else made.keywords.get("scripts")
        first, *more = scripts if isinstance(scripts, list) and scripts else [None]
        if not self.spec.script and isinstance(first, str):
            self.spec.script = self._path(first)
            self.spec.where = f"{self.spec.file}:{made.line}"
        elif isinstance(first, Computed):
            self._note(first.line, first.text, 'write entry = "module"')
        for script in more:
            self._note(made.line, f"the script {script!r}", "import it from the first script")
        for name, value in made.keywords.items():
            line = made.lines[name]
            if name in {"datas", "binaries"}:
                self._files("data" if name == "datas" else "binaries", value, line)
            elif name == "pathex":
                self._pathex(value, line)
            elif name != "scripts":
                self._option(name, value, line)
        for name, added in made.added.items():
            # In a table of contents the name in the bundle stands first.
            items = [
                (item[1], str(PurePosixPath(str(item[0])).parent))
                if isinstance(item, tuple) and len(item) == 3 else item  # noqa: PLR2004
                for item in added
            ]  # fmt: skip
            if name in {"datas", "binaries"}:
                self._files("data" if name == "datas" else "binaries", items, made.line)
            else:
                self._note(made.line, f"a.{name} is changed", "leave it out, or use excludes")

    def _pathex(self, value: object, line: int) -> None:
        for item in value if isinstance(value, list) else [value]:
            path = self._path(item) if isinstance(item, str) else ""
            if isinstance(item, Computed) or path.removesuffix(".") not in self.files.import_roots:
                text = item.text if isinstance(item, Computed) else repr(item)
                self._note(line, f"pathex {text}", "write source = the folder of the project")

    def _program(self, made: Made) -> None:
        self.programs.append(made)
        for argument in made.arguments:
            for item in argument if isinstance(argument, list) else [argument]:
                if isinstance(item, tuple) and len(item) == 3 and item[2] == "OPTION":  # noqa: PLR2004
                    self._more("interpreter_options", [item[0]], made.line)
                elif isinstance(item, Computed):
                    self._note(item.line, item.text, "write the key that it stands for")
        if len(self.programs) > 1:
            return
        binaries = (isinstance(item, Part) and item.name == "binaries" for item in made.arguments)
        layout = "onefile" if any(binaries) else "onedir"
        self.spec.values.append(("layout", layout, f"{self.spec.file}:{made.line}"))
        for name, value in made.keywords.items():
            if name == "name":
                if isinstance(value, Computed):
                    self._note(made.lines[name], f"name = {value.text}", _ADVICE["name"])
            elif name == "icon":
                self._icon(value, made.lines[name])
            else:
                self._option(name, value, made.lines[name])

    def _collect(self, made: Made) -> None:
        for argument in made.arguments:
            if isinstance(argument, Made) and argument.kind == "Tree":
                self._files("data", [argument], argument.line)
            elif isinstance(argument, Computed):
                self._note(argument.line, argument.text, "write [[data]] for what it adds")
        for name, value in made.keywords.items():
            if name not in {"name", "strip"}:
                self._option(name, value, made.lines[name])

    def _bundle(self, made: Made) -> None:
        app: dict[str, object] = {}
        for name, value in made.keywords.items():
            line = made.lines[name]
            if isinstance(value, Computed):
                self._note(value.line, f"{name} = {value.text}", f"write app.{name}")
            elif name == "info_plist" and isinstance(value, dict):
                app["info_plist"] = value
            elif name == "icon" and isinstance(value, str):
                app["icon"] = self._path(value)
            elif name == "version":
                self._note(line, f"version = {value!r}", "the product's version is used")
            elif name != "name":
                self._option(name, value, line)
        self.spec.values.append(("app", app, f"{self.spec.file}:{made.line}"))

    def _splash(self, made: Made) -> None:
        image = made.arguments[0] if made.arguments else made.keywords.get("image")
        if not isinstance(image, str):
            self._note(made.line, "Splash", 'write splash.image = "FILE"')
            return
        table: dict[str, object] = {"image": self._path(image)}
        for name, value in made.keywords.items():
            if name in {"image", "binaries", "datas"}:
                continue
            if isinstance(value, Computed):
                self._note(value.line, f"{name} = {value.text}", f"write splash.{name}")
            elif value is not None:
                table[name] = list(value) if isinstance(value, tuple) else value
        self.spec.values.append(("splash", table, f"{self.spec.file}:{made.line}"))

    def _option(self, name: str, value: object, line: int) -> None:
        if isinstance(value, Computed):
            key = _KEYS.get(name)
            todo = f"write {key}" if key else _ADVICE.get(name, "it has no key: leave it out")
            self._note(value.line, f"{name} = {value.text}", todo)
        elif name in _KEYS and isinstance(value, list):
            for package, key in self._lone(value):
                self.packages.setdefault(package, {})[key] = True
            known = [self._path(item) if name in _PATHS else item for item in value
                     if isinstance(item, str)]  # fmt: skip
            self._more(_KEYS[name], known, line)
            for item in value:
                if isinstance(item, Computed):
                    self._note(item.line, f"{name}: {item.text}", f"write {_KEYS[name]}")
        elif name in _HARMLESS and value in _HARMLESS[name]:
            return
        elif name in _KEYS:
            if value not in (None, {}) and value != _DEFAULTS.get(name, _DEFAULTS):
                text = self._path(value) if name in _PATHS and isinstance(value, str) else value
                self.spec.values.append((_KEYS[name], text, f"{self.spec.file}:{line}"))
        else:
            todo = _ADVICE.get(name, "it has no key: leave it out")
            self._note(line, f"{name} = {value!r}", todo)

    def _icon(self, value: object, line: int) -> None:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item.lower().endswith(".ico"):
                where = f"{self.spec.file}:{line}"
                self.spec.values.append(("icon.windows", self._path(item), where))
            elif item not in _HARMLESS["icon"]:
                text = item.text if isinstance(item, Computed) else repr(item)
                self._note(line, f"icon = {text}", 'write icon.windows = "FILE.ico"')

    def _files(self, key: str, value: object, line: int) -> None:
        """Place the (source, destination) pairs of *value*, trees and collected packages."""
        for item in value if isinstance(value, list) else [value]:
            match item:
                case None:
                    pass
                case Collected(package=package, keys=keys):
                    self.packages.setdefault(package, {}).update(dict.fromkeys(keys, True))
                case (str() as source, str() as destination):
                    self._data(key, source, destination, line)
                case Made(kind="Tree"):
                    self._tree(item)
                case Computed(text=text, line=at):
                    self._note(at or line, text, f"write a [[{key}]] table, or [packages.NAME]")
                case (Computed(text=text), _) | (_, Computed(text=text)):
                    self._note(line, text, f"write a [[{key}]] table, or [packages.NAME]")
                case _:
                    self._note(line, repr(item), f"write a [[{key}]] table")

    def _tree(self, made: Made) -> None:
        given = dict(zip(("root", "prefix", "excludes"), made.arguments, strict=False))
        given |= made.keywords
        root, prefix = given.get("root"), given.get("prefix") or "."
        if isinstance(root, str) and isinstance(prefix, str):
            self._data("data", root, prefix, made.line)
        else:
            self._note(made.line, "Tree", "write a [[data]] table")
        if given.get("excludes"):
            self._note(made.line, f"excludes = {given['excludes']!r}", "write glob in [[data]]")

    def _data(self, key: str, source: str, destination: str, line: int) -> None:
        path = self._path(source)
        table: dict[str, object] = {"source": path, "destination": destination or "."}
        folder, last = PurePosixPath(path).parent, PurePosixPath(path).name
        if any(letter in last for letter in "*?["):
            table = {"source": str(folder), "destination": destination or ".", "glob": last}
            path = str(folder)
        known = path == "." or path in self.files.known
        if not known and not any(name.startswith(f"{path}/") for name in self.files.names):
            self._note(
                line, source, f"it is not in the project: write a [[{key}]] table if it is needed"
            )
            return
        self._more(key, [table], line)

    def _more(self, key: str, items: list[object] | list[str], line: int) -> None:
        known, _ = self.lists.setdefault(key, ([], f"{self.spec.file}:{line}"))
        known += [item for item in items if item not in known]

    def _entry(self, made: Made) -> str:
        """Return the module that is the script of the program *made*."""
        for argument in made.arguments:
            if isinstance(argument, Part) and argument.name == "scripts":
                scripts = argument.of.arguments[0] if argument.of.arguments else None
                if isinstance(scripts, list) and scripts and isinstance(scripts[0], str):
                    return self.files.modules.get(self._path(scripts[0]), "")
        self._note(made.line, "an EXE", "write an [[executables]] table with name and entry")
        return ""

    def _lone(self, value: list[object]) -> Iterator[tuple[str, str]]:
        for item in value:
            if isinstance(item, Collected):
                yield from ((item.package, key) for key in item.keys)

    def _path(self, path: str) -> str:
        """Return *path* of the spec relative to the project."""
        parts: list[str] = []
        for part in (self.folder / path.replace("\\", "/")).parts:
            if part == ".." and parts:
                parts.pop()
            else:
                parts.append(part)
        return str(PurePosixPath(*parts))

    def _note(self, line: int, what: str, todo: str) -> None:
        self.spec.notes.append(f"{self.spec.file}:{line}: {what}: {todo}")
