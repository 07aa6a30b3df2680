"""Follows the statements of a PyInstaller spec in their order, by syntax alone."""

import ast

from frostline.infer.spec_values import Computed, Made, Values, computed, listed


class Statements:
    """What a spec has assigned and made so far, in *values*."""

    def __init__(self) -> None:
        self.values = Values()

    def follow(self, body: list[ast.stmt]) -> None:  # noqa: C901  # one case for each form
        """Take the statements of *body* into account."""
        for node in body:
            match node:
                case ast.Assign(targets=targets, value=value):
                    result = self.values.of(value)
                    for target in targets:
                        self._assign(target, result)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assign(target, self.values.of(value))
                case ast.AugAssign(target=target, op=ast.Add(), value=value):
                    self._add(target, self.values.of(value))
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=attr)) as call):
                    self._method(owner, attr, call)
                case ast.Expr(value=value):
                    self.values.of(value)
                case ast.If(body=inner, orelse=other):
                    self._either(node, inner, other)
                case ast.Try(body=inner) | ast.With(body=inner):
                    self.follow(inner)
                case ast.For(target=target, body=inner):
                    self._assign(target, Computed(ast.unparse(target), node.lineno))
                    self.follow(inner)
                case _:
                    pass  # imports and definitions

    def _assign(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            self.values.names[target.id] = value
        elif isinstance(target, ast.Tuple):
            whole = value if isinstance(value, list | tuple) else ()
            for number, item in enumerate(target.elts):
                known = len(whole) == len(target.elts)
                self._assign(item, whole[number] if known else computed(target))
        elif isinstance(target, ast.Attribute) and isinstance(
            made := self.values.of(target.value), Made
        ):
            made.added.setdefault(target.attr, []).append(computed(target))

    def _add(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            former = self.values.names.get(target.id, [])
            both = isinstance(former, str) and isinstance(value, str)
            self.values.names[target.id] = (
                f"{former}{value}" if both else [*listed(former), *listed(value)]
            )
        elif isinstance(target, ast.Attribute) and isinstance(
            made := self.values.of(target.value), Made
        ):
            made.added.setdefault(target.attr, []).extend(listed(value))

    def _method(self, owner: ast.expr, attr: str, call: ast.Call) -> None:
        if attr in {"append", "extend"} and len(call.args) == 1:
            value = self.values.of(call.args[0])
            self._add(owner, [value] if attr == "append" else value)
        else:
            self.values.of(call)

    def _either(self, node: ast.If, inner: list[ast.stmt], other: list[ast.stmt]) -> None:
        """Follow both sides: what differs between them is computed, what is made is kept."""
        before = dict(self.values.names)
        self.follow(inner)
        one, self.values.names = self.values.names, dict(before)
        self.follow(other)
        text = f"if {ast.unparse(node.test)}"
        for name in one.keys() | self.values.names.keys():
            if one.get(name) != self.values.names.get(name):
                self.values.names[name] = self._merged(one.get(name), self.values.names.get(name),
                                                Computed(text, node.lineno))  # fmt: skip

    def _merged(self, one: object, other: object, computed: Computed) -> object:
        if isinstance(one, Made) or isinstance(other, Made):
            return one if isinstance(one, Made) else other
        lists = [value for value in (one, other) if isinstance(value, list)]
        if len(lists) == 2:  # noqa: PLR2004 - both
            kept = [value for value in lists[0] if value in lists[1]]
            return [*kept, computed]
        return computed
