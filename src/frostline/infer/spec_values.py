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
    """The names of a spec while its statements are followed in order; *made* in that order."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {
            "SPECPATH": ".", "SPEC": "./x.spec", "DISTPATH": Computed("DISTPATH", 0),
            "workpath": Computed("workpath", 0), "WARNFILE": Computed("WARNFILE", 0),
            "__file__": "./x.spec",
        }  # fmt: skip
        self.made: list[Made] = []

    def follow(self, body: list[ast.stmt]) -> None:
        """Take the statements of *body* into account."""
        for node in body:
            match node:
                case ast.Assign(targets=targets, value=value):
                    result = self.of(value)
                    for target in targets:
                        self._assign(target, result)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assign(target, self.of(value))
                case ast.AugAssign(target=target, op=ast.Add(), value=value):
                    self._add(target, self.of(value))
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=attr)) as call):
                    self._method(owner, attr, call)
                case ast.Expr(value=value):
                    self.of(value)
                case ast.If(body=inner, orelse=other):
                    self._either(node, inner, other)
                case ast.Try(body=inner) | ast.With(body=inner):
                    self.follow(inner)
                case ast.For(target=target, body=inner):
                    self._assign(target, Computed(ast.unparse(target), node.lineno))
                    self.follow(inner)

    def of(self, node: ast.expr) -> object:
        """Return the value of *node*; lists keep what is known in them."""
        match node:
            case ast.Constant(value=value):
                return value
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
                return "".join(map(str, parts)) if known else _computed(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(node, self.of(left), op, self.of(right))
            case ast.Subscript(value=owner, slice=index):
                return _item(self.of(owner), self.of(index), node)
            case ast.Call():
                return self._call(node)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                value = self.of(operand)
                return value if isinstance(value, Computed) else not value
        return _computed(node)

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
        return _computed(node)

    def _operation(self, node: ast.BinOp, left: object, op: ast.operator, right: object) -> object:
        if isinstance(op, ast.Div) and isinstance(left, str) and isinstance(right, str):
            return _join(left, right)
        if isinstance(op, ast.Add):
            if isinstance(left, str) and isinstance(right, str):
                return left + right
            if isinstance(left, list) or isinstance(right, list):
                return [*_listed(left), *_listed(right)]
        return _computed(node)

    def _call(self, node: ast.Call) -> object:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else ast.unparse(func)
        if name in MAKERS:
            return self._make(name, node)
        given = [self.of(argument) for argument in node.args]
        first = given[0] if given else None
        if name in _COLLECT and isinstance(first, str):
            return [Collected(first, _COLLECT[name])]
        if name == "collect_all" and isinstance(first, str):
            keys = ("data", "binaries", "submodules")
            return tuple([Collected(first, (key,))] for key in keys)
        texts = [value for value in given if isinstance(value, str)]
        if len(texts) == len(given):
            owner = self.of(func.value) if isinstance(func, ast.Attribute) else None
            if name in {"join", "joinpath"} and not (isinstance(owner, str) and name == "join"):
                return _join(*([owner] if isinstance(owner, str) else []), *texts)
            if name == "dirname" and texts:
                return str(PurePosixPath(texts[0]).parent)
            if name in {"getcwd", "cwd"}:
                return "."
            if name in _SAME and isinstance(owner, str) and not given:
                return owner
        if name in _SAME and len(given) == 1 and not isinstance(first, Computed):
            return first
        if name == "dict" and not given:
            return {item.arg: self.of(item.value) for item in node.keywords}
        return _computed(node)

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

    def _assign(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple):
            whole = value if isinstance(value, list | tuple) else ()
            for number, item in enumerate(target.elts):
                known = len(whole) == len(target.elts)
                self._assign(item, whole[number] if known else _computed(target))
        elif isinstance(target, ast.Attribute) and isinstance(made := self.of(target.value), Made):
            made.added.setdefault(target.attr, []).append(_computed(target))

    def _add(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            former = self.names.get(target.id, [])
            both = isinstance(former, str) and isinstance(value, str)
            self.names[target.id] = (
                f"{former}{value}" if both else [*_listed(former), *_listed(value)]
            )
        elif isinstance(target, ast.Attribute) and isinstance(made := self.of(target.value), Made):
            made.added.setdefault(target.attr, []).extend(_listed(value))

    def _method(self, owner: ast.expr, attr: str, call: ast.Call) -> None:
        if attr in {"append", "extend"} and len(call.args) == 1:
            value = self.of(call.args[0])
            self._add(owner, [value] if attr == "append" else value)
        else:
            self.of(call)

    def _either(self, node: ast.If, inner: list[ast.stmt], other: list[ast.stmt]) -> None:
        """Follow both sides: what differs between them is computed, what is made is kept."""
        before = dict(self.names)
        self.follow(inner)
        one, self.names = self.names, dict(before)
        self.follow(other)
        text = f"if {ast.unparse(node.test)}"
        for name in one.keys() | self.names.keys():
            if one.get(name) != self.names.get(name):
                self.names[name] = self._merged(one.get(name), self.names.get(name),
                                                Computed(text, node.lineno))  # fmt: skip

    def _merged(self, one: object, other: object, computed: Computed) -> object:
        if isinstance(one, Made) or isinstance(other, Made):
            return one if isinstance(one, Made) else other
        lists = [value for value in (one, other) if isinstance(value, list)]
        if len(lists) == 2:  # noqa: PLR2004 - both
            kept = [value for value in lists[0] if value in lists[1]]
            return [*kept, computed]
        return computed


def _computed(node: ast.expr) -> Computed:
    return Computed(ast.unparse(node), node.lineno)


def _listed(value: object) -> list[object]:
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
    return _computed(node)


def _join(*parts: str) -> str:
    return str(PurePosixPath(*(part.replace("\\", "/") for part in parts)))
