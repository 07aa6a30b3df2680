"""The values in a PyInstaller spec, worked out by syntax alone; what cannot be is `Computed`."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Computed:
    """A value that is known only when the spec runs: its source *text* and its *line*."""

    text: str
    line: int


@dataclass(frozen=True)
class Collected:
    """What PyInstaller's `collect_…("PACKAGE")` returns: *keys* of `[packages.PACKAGE]`."""

    package: str
    keys: tuple[str, ...]


@dataclass
class Made:
    """A call of Analysis, EXE, COLLECT, … with its arguments; *added* holds what `+=` adds."""

    kind: str
    line: int
    arguments: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    added: dict[str, list[object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """An attribute of what was made, such as `a.datas`."""

    of: Made
    name: str


MAKERS = ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE", "MERGE", "Splash", "Tree", "TOC")
_COLLECT = {
    "collect_data_files": ("data",),
    "collect_submodules": ("submodules",),
    "collect_dynamic_libs": ("binaries",),
    "copy_metadata": ("metadata",),
    "collect_entry_point": ("entry_points",),
}
_SAME = {"Path", "PurePath", "str", "abspath", "normpath", "realpath", "resolve", "list", "tuple",
         "absolute", "as_posix", "fspath", "sorted", "set"}  # fmt: skip


class Values:
    """The values of expressions, by the *names* as they stand; what is *made*, in its order."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {
            "SPECPATH": ".", "SPEC": "./x.spec", "DISTPATH": Computed("DISTPATH", 0),
            "workpath": Computed("workpath", 0), "WARNFILE": Computed("WARNFILE", 0),
            "__file__": "./x.spec",
        }  # fmt: skip
        self.made: list[Made] = []
        self.functions: dict[str, ast.FunctionDef] = {}

    def of(self, node: ast.expr) -> object:  # noqa: C901, PLR0911  # one return for each form
        """Return the value of *node*; lists keep what is known in them."""
        match node:
            case ast.Constant():
                return node.value
            case ast.List(elts=items) | ast.Set(elts=items):
                return self._items(items)
            case ast.Tuple(elts=items):
                return tuple(self._items(items))
            case ast.Dict(keys=keys, values=values) if None not in keys:
                pairs = zip(keys, values, strict=True)
                return {self.of(key): self.of(value) for key, value in pairs if key is not None}
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Attribute(value=owner, attr=attr):
                return self._attribute(node, self.of(owner), attr)
            case ast.JoinedStr(values=values):
                parts = [self.of(v.value if isinstance(v, ast.FormattedValue) else v)
                         for v in values]  # fmt: skip
                known = not any(isinstance(part, Computed) for part in parts)
                return "".join(map(str, parts)) if known else computed(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(node, self.of(left), op, self.of(right))
            case ast.Subscript(value=owner, slice=index):
                return _item(self.of(owner), self.of(index), node)
            case ast.Call():
                return self._call(node)
            case _:
                return computed(node)

    def returned(self, function: ast.FunctionDef, call: ast.Call) -> object:
        """Return what the spec's own *function* returns for *call*."""
        del function
        return computed(call)

    def _items(self, items: list[ast.expr]) -> list[object]:
        result: list[object] = []
        for item in items:
            if isinstance(item, ast.Starred):
                value = self.of(item.value)
                result += value if isinstance(value, list | tuple) else [value]
            else:
                result.append(self.of(item))
        return result

    def _attribute(self, node: ast.expr, owner: object, attr: str) -> object:
        if isinstance(owner, Made):
            return Part(owner, attr)
        if isinstance(owner, str) and attr in {"parent", "name", "stem"}:
            return str(getattr(PurePosixPath(owner), attr))
        if ast.unparse(node) in {"os.sep", "os.path.sep"}:
            return "/"
        return computed(node)

    def _operation(self, node: ast.BinOp, left: object, op: ast.operator, right: object) -> object:
        if isinstance(op, ast.Div) and isinstance(left, str) and isinstance(right, str):
            return _join(left, right)
        if isinstance(op, ast.Add):
            if isinstance(left, str) and isinstance(right, str):
                return left + right
            if isinstance(left, list) or isinstance(right, list):
                return [*listed(left), *listed(right)]
        return computed(node)

    def _call(self, node: ast.Call) -> object:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else ast.unparse(func)
        if name in MAKERS:
            return self._make(name, node)
        if name in self.functions:
            return self.returned(self.functions[name], node)
        given = [self.of(argument) for argument in node.args]
        first = given[0] if given else None
        if isinstance(first, str) and name in _COLLECT:
            return [Collected(first, _COLLECT[name])]
        if isinstance(first, str) and name == "collect_all":
            keys = ("data", "binaries", "submodules")
            return tuple([Collected(first, (key,))] for key in keys)
        if name in _SAME and len(given) == 1 and not isinstance(first, Computed):
            return first
        owner = self.of(func.value) if isinstance(func, ast.Attribute) else None
        texts = [value for value in (owner, *given) if isinstance(value, str)]
        path = _path_of(name, texts) if len(texts) >= len(given) else None
        return computed(node) if path is None else path

    def _make(self, kind: str, node: ast.Call) -> Made:
        made = Made(
            kind,
            node.lineno,
            tuple(self._items(node.args)),
            {item.arg: self.of(item.value) for item in node.keywords if item.arg},
            {item.arg: item.value.lineno for item in node.keywords if item.arg},
        )
        self.made.append(made)
        return made


def computed(node: ast.expr) -> Computed:
    """Return *node* as a value that is not known."""
    return Computed(ast.unparse(node), node.lineno)


def _path_of(name: str, texts: list[str]) -> str | None:
    """Return the path that the function or method *name* makes of *texts*, None if it is none."""
    if name in {"join", "joinpath"} and texts:
        return _join(*texts)
    if name == "dirname" and texts:
        return str(PurePosixPath(texts[0]).parent)
    if name in {"getcwd", "cwd"}:
        return "."
    return texts[0] if name in _SAME and len(texts) == 1 else None


def listed(value: object) -> list[object]:
    """Return the items of *value*, itself alone if it has none."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _item(owner: object, index: object, node: ast.expr) -> object:
    if (
        isinstance(owner, list | tuple)
        and isinstance(index, int)
        and -len(owner) <= index < len(owner)
    ):
        return owner[index]
    if isinstance(owner, dict) and isinstance(index, str) and index in owner:
        return owner[index]
    return computed(node)


def _join(*parts: str) -> str:
    return str(PurePosixPath(*(part.replace("\\", "/") for part in parts)))
