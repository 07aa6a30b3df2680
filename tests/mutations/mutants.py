"""Finds the mutants of a module: small changes of its code that a test must notice.

Not changed: type annotations, decorators, docstrings, strings with a space (messages), what is in
an f-string, calls that only tell people something, and names of encodings.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

_COMPARED: Mapping[type[ast.cmpop], tuple[ast.cmpop, ...]] = {
    ast.Eq: (ast.NotEq(),), ast.NotEq: (ast.Eq(),), ast.Is: (ast.IsNot(),), ast.IsNot: (ast.Is(),),
    ast.In: (ast.NotIn(),), ast.NotIn: (ast.In(),),
    ast.Lt: (ast.LtE(), ast.GtE()), ast.LtE: (ast.Lt(), ast.Gt()),
    ast.Gt: (ast.GtE(), ast.LtE()), ast.GtE: (ast.Gt(), ast.Lt()),
}  # fmt: skip
_COMPUTED: Mapping[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.FloorDiv(), ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(), ast.Mod: ast.Mult(), ast.Pow: ast.Mult(), ast.BitOr: ast.BitAnd(),
    ast.BitAnd: ast.BitOr(), ast.LShift: ast.RShift(), ast.RShift: ast.LShift(),
}  # fmt: skip
_TELLING = ("log.", "step.update(", "shown.update(", "tell(", "self._tell(", "progress.note(")
_NO_DECISION = {"encoding", "errors", "daemon", "hint"}  # keywords
_CODINGS = {"utf-8", "ascii", "replace"}
_SCOPES = (ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Mutant:
    """A change of the bytes from *start* to *end* of a module into *new*.

    *function* is the qualified name of the function around it, *line* the stripped text of its
    first line, *what* the change in words. A test that runs one of *lines* may notice it; there are
    none if it is run at import.
    """

    function: str
    line: str
    what: str
    start: int
    end: int
    new: str
    lines: tuple[int, ...]

    def apply(self, source: bytes) -> bytes:
        """Return *source* with the change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


@dataclass(frozen=True)
class _Place:
    """Where a node is: names of functions and classes, first line of the statement.

    *running* is false for what is run at import. *condition*: the node decides what is run.
    """

    names: tuple[str, ...] = ()
    statement: int = 0
    running: bool = False
    condition: bool = False


def mutants(source: bytes) -> tuple[Mutant, ...]:
    """Return the mutants of the module *source*, in the order of its lines."""
    rows = source.splitlines(keepends=True)
    begins = [sum(map(len, rows[:at])) for at in range(len(rows) + 1)]
    found = []
    for node, place in _nodes(ast.parse(source), _Place()):
        first, last = node.lineno, node.end_lineno or node.lineno
        for new, what in _changes(node, place):
            mutant = Mutant(
                function=".".join(place.names), line=rows[first - 1].decode().strip(), what=what,
                start=begins[first - 1] + node.col_offset,
                end=begins[last - 1] + (node.end_col_offset or 0), new=new,
                lines=(place.statement, *range(first, last + 1)) if place.running else (),
            )  # fmt: skip
            found.append(mutant)
    return tuple(sorted(found, key=lambda item: (item.start, item.end, item.new)))


def _nodes(node: ast.AST, place: _Place) -> Iterator[tuple[ast.stmt | ast.expr, _Place]]:
    """Yield the statements and expressions in *node* that may be changed."""
    if isinstance(node, ast.stmt):
        place = replace(place, statement=node.lineno)
    if isinstance(node, (ast.stmt, ast.expr)):
        yield node, place
    for child in _inside(node):
        inner = replace(place, condition=child in _conditions(node))
        if isinstance(node, _SCOPES):
            body = child in node.body
            running = place.running or (body and isinstance(node, ast.FunctionDef))
            inner = replace(inner, names=(*place.names, node.name), running=running)
        yield from _nodes(child, inner)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of *node* that may be changed."""
    match node:
        case ast.FunctionDef():
            yield from [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]
        case ast.ClassDef():
            yield from node.body
        case ast.AnnAssign():
            yield from [node.value] if node.value else []
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return
        case ast.Expr(value=ast.Call()) if ast.unparse(node).startswith(_TELLING):
            return
        case ast.Subscript(value=ast.Name(id="Literal")):
            return
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return
        case ast.Call():
            thread = ast.unparse(node.func) == "threading.Thread"
            skipped = _NO_DECISION | ({"name"} if thread else set())
            yield from [node.func, *(arg for arg in node.args if not _is_default(arg, node))]
            yield from (word.value for word in node.keywords if word.arg not in skipped)
        case _:
            yield from ast.iter_child_nodes(node)


def _is_default(value: ast.expr, call: ast.Call) -> bool:
    """Return whether *value* is the "" of a `.get(key, "")`."""
    get = isinstance(call.func, ast.Attribute) and call.func.attr == "get"
    return get and value is not call.args[0] and isinstance(value, ast.Constant) and not value.value


def _conditions(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.If() | ast.While():
            return [node.test]
        case ast.comprehension():
            return node.ifs
        case _:
            return []


def _changes(node: ast.stmt | ast.expr, place: _Place) -> Iterator[tuple[str, str]]:
    """Yield the changes of *node*: the new text, and the change in words."""
    old = ast.unparse(node)
    match node:
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return None", f"{old} -> return None"
        case (
            ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom())
            | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
            | (ast.AugAssign() | ast.Break() | ast.Continue() | ast.Delete() | ast.Raise())
        ) if not old.startswith(_TELLING):
            yield "pass", f"{old} -> pass"
        case ast.expr():
            others = [*_others(node)]
            if place.condition and not isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
                others.append(ast.UnaryOp(ast.Not(), node))
            for other in others:
                new = ast.unparse(other)
                constant = isinstance(other, ast.Constant)
                yield new if constant else f"({new})", f"{old} -> {new}"
        case _:
            pass


def _others(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what may stand in place of the expression *node*."""
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BoolOp():
            for at in range(len(node.values)):
                rest = [*node.values[:at], *node.values[at + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _COMPUTED:
            yield ast.BinOp(node.left, _COMPUTED[type(node.op)], node.right)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.JoinedStr() if " " not in ast.unparse(node):
            yield ast.Constant("")
        case ast.Constant():
            yield from map(ast.Constant, _other_values(node.value))
        case _:
            pass


def _compared(node: ast.Compare) -> Iterator[ast.expr]:
    timed = "monotonic" in ast.unparse(node)  # two times are never equal
    for at, operator in enumerate(node.ops):
        others = _COMPARED[type(operator)]
        for other in others[-1:] if timed else others:
            ops = [*node.ops[:at], other, *node.ops[at + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def _other_values(value: object) -> Iterator[str | bytes | int | float]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case str() if " " not in value and value not in _CODINGS:
            yield f"{value}x"
        case bytes():
            yield value + b"x"
        case _:
            pass
