"""Follows the statements of a PyInstaller spec in their order, by syntax alone."""

import ast

from frostline.infer.spec_values import Computed, Made, Values, computed, listed


class Statements(Values):
    """The values of a spec that is followed statement by statement."""

    def __init__(self) -> None:
        super().__init__()
        self._results: list[object] = []

    def follow(self, body: list[ast.stmt]) -> None:  # noqa: C901, PLR0912  # one case for each form
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
                case ast.FunctionDef(name=name):
                    self.functions[name] = node
                case ast.Return(value=ast.expr() as value):
                    self._results.append(self.of(value))
                case _:
                    pass  # imports, assertions

    def returned(self, function: ast.FunctionDef, call: ast.Call) -> object:
        """Return what *function* returns for *call*: what it makes is made."""
        arguments = function.args.args
        first_default = len(arguments) - len(function.args.defaults)
        given: dict[str, object] = {
            argument.arg: self.of(default)
            for argument, default in zip(
                arguments[first_default:], function.args.defaults, strict=True
            )
        }
        names = (argument.arg for argument in arguments)
        given |= dict(zip(names, map(self.of, call.args), strict=False))
        given |= {item.arg: self.of(item.value) for item in call.keywords if item.arg}
        outer, results, functions = self.names, self._results, self.functions
        self.names, self._results = {**outer, **given}, []
        # A function that calls itself is not followed again.
        self.functions = {name: one for name, one in functions.items() if one is not function}
        self.follow(function.body)
        found = self._results
        self.names, self._results, self.functions = outer, results, functions
        return found[0] if len(found) == 1 else computed(call)

    def _assign(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple):
            whole = value if isinstance(value, list | tuple) else ()
            for number, item in enumerate(target.elts):
                known = len(whole) == len(target.elts)
                self._assign(item, whole[number] if known else computed(target))
        elif isinstance(target, ast.Attribute) and isinstance(made := self.of(target.value), Made):
            made.added.setdefault(target.attr, []).append(computed(target))

    def _add(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            former = self.names.get(target.id, [])
            both = isinstance(former, str) and isinstance(value, str)
            self.names[target.id] = (
                f"{former}{value}" if both else [*listed(former), *listed(value)]
            )
        elif isinstance(target, ast.Attribute) and isinstance(made := self.of(target.value), Made):
            made.added.setdefault(target.attr, []).extend(listed(value))

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
