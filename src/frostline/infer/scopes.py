"""What the names of a module mean: its imports, values, functions and classes, by syntax alone."""

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Scope:
    """The names of the module *name* in *file*, as they are at its end."""

    name: str
    file: str
    imports: Mapping[str, str]
    """The full dotted name that each imported name stands for."""
    values: Mapping[str, ast.expr]
    """The last expression that is assigned to each name, except under a `__main__` guard."""
    annotations: Mapping[str, ast.expr]
    functions: Mapping[str, Function]
    classes: Mapping[str, ast.ClassDef]

    def full_name(self, node: ast.expr) -> str:
        """Return the full dotted name that *node* stands for, "" if it is no name."""
        if isinstance(node, ast.Attribute):
            owner = self.full_name(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if not isinstance(node, ast.Name):
            return ""
        own = node.id in self.values or node.id in self.functions or node.id in self.classes
        return self.imports.get(node.id) or (f"{self.name}.{node.id}" if own else node.id)

    def inside(self, function: Function) -> "Scope":
        """Return the names as they are inside *function*: its own ones hide the module's."""
        body = [*statements(function.body)]
        imports, values = _imports(self.name, self.file, body), _values(body)
        kept = {name: full for name, full in self.imports.items() if name not in values}
        outer = {name: value for name, value in self.values.items() if name not in imports}
        annotations = {**self.annotations, **_annotations(body)}
        return replace(
            self,
            imports={**kept, **imports},
            values={**outer, **values},
            annotations=annotations,
        )


def scope_of(name: str, file: str, tree: ast.Module) -> Scope:
    """Return the names of the module *name* in *file*."""
    body = [*statements(tree.body)]
    return Scope(
        name=name,
        file=file,
        imports=_imports(name, file, [*body, *_for_types(tree)]),
        values=_values(body),
        annotations=_annotations(body),
        functions={
            node.name: node
            for node in body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        },
        classes={node.name: node for node in body if isinstance(node, ast.ClassDef)},
    )


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of *body* and of its blocks, as far as they run when it is imported.

    The bodies of functions and classes do not, nor `if TYPE_CHECKING` and the `__main__` guard.
    """
    for node in body:
        yield node
        if isinstance(node, ast.If):
            if not (_is_main(node.test) or _is_type_checking(node.test)):
                yield from statements(node.body)
            yield from statements(node.orelse)
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from statements(node.body)
            for handler in node.handlers:
                yield from statements(handler.body)
            yield from statements([*node.orelse, *node.finalbody])
        elif isinstance(node, ast.With | ast.AsyncWith | ast.For | ast.While):
            yield from statements(node.body)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                yield from statements(case.body)


def calls(body: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield every call in *body*, also inside of functions."""
    for node in body:
        yield from (found for found in ast.walk(node) if isinstance(found, ast.Call))


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """Return the argument of *call* with one of the keywords *names*."""
    return next((item.value for item in call.keywords if item.arg in names), None)


def text_of(node: ast.expr | None) -> str:
    """Return the text that *node* is, "" if it is none."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if is_text and isinstance(node, ast.Constant) else ""


def _imports(module: str, file: str, body: Iterable[ast.stmt]) -> dict[str, str]:
    found: dict[str, str] = {}
    package = module.split(".") if file.endswith("__init__.py") else module.split(".")[:-1]
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                # Each star has a key of its own.
                local = f"{source}.*" if alias.name == "*" else alias.asname or alias.name
                found[local] = f"{source}.{alias.name}".lstrip(".")
    return found


def _values(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = _with_former(node.value, target.id, found)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
        # What a condition adds (`if DEBUG: APPS += …`) is not counted.
        elif isinstance(node, ast.AugAssign) and node.col_offset == 0:
            former = found.get(ast.unparse(node.target))  # None: it comes with a star
            whole = ast.BinOp(former, node.op, node.value) if former else node.value
            found[ast.unparse(node.target)] = ast.copy_location(whole, former or node.value)
    return found


def _annotations(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    return {
        node.target.id: node.annotation
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _with_former(value: ast.expr, name: str, known: Mapping[str, ast.expr]) -> ast.expr:
    """Return *value* with the former value of *name* in its place (`app = Wrapper(app)`)."""
    former = known.get(name)
    if former is None or not any(_is_named(node, name) for node in ast.walk(value)):
        return value

    class Former(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return former if node.id == name and former is not None else node

    new: ast.expr = Former().visit(copy.deepcopy(value))
    return new


def _for_types(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from statements(node.body)


def _is_type_checking(test: ast.expr) -> bool:
    return _is_named(test, "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _is_main(test: ast.expr) -> bool:
    return any(_is_named(node, "__name__") for node in ast.walk(test))


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
