"""Finds the objects of a project that a server can run: module-level ones, and factories."""

import ast
from collections.abc import Iterator

from frostline.infer import frameworks, module_names
from frostline.infer.candidates import Application, attribute_of, rank
from frostline.infer.frameworks import Kind
from frostline.infer.scopes import Function, Scope, scope_of, statements
from frostline.infer.source_files import SourceFiles

_DEEPEST = 12  # steps from a name to what it stands for


class Applications:
    """The applications of a project, found by following names through its modules."""

    def __init__(self, files: SourceFiles) -> None:
        self.files = files
        self._scopes: dict[str, Scope | None] = {}

    def scope(self, module: str) -> Scope | None:
        """Return the names of *module*, None if the project has no such module."""
        if module not in self._scopes:
            file = self.files.files.get(module, "")
            tree = self.files.tree(file) if file else None
            self._scopes[module] = scope_of(module, file, tree) if tree else None
        return self._scopes[module]

    def all(self) -> tuple[Application, ...]:
        """Return the applications of the project, the likeliest first.

        Those of tests, examples and the like are looked for only if there are no others.
        """
        python = [name for name in self.files.names if name.endswith((".py", ".pyw"))]
        sure = {name for name in python if _matches(self.files, name, sure=True)}
        files = [name for name in python if sure and (
            name in sure or _matches(self.files, name, sure=False)
        )]  # fmt: skip
        for aside in (False, True):
            found: list[Application] = []
            for file in files:
                if module_names.aside(file) == aside and (scope := self.scope_of_file(file)):
                    found += self._in(scope)
            if found:
                return tuple(sorted(found, key=rank))
        return ()

    def scope_of_file(self, file: str) -> Scope | None:
        """Return the names of the module in *file*, None if it is no module that can be read."""
        return self.scope(self.files.modules.get(file, ""))

    def at(self, module: str, attribute: str = "") -> Application | None:
        """Return the application *module*:*attribute*; without attribute, the module's first."""
        scope = self.scope(module)
        if scope is None:
            return None
        if not attribute:
            found = sorted(self._in(scope), key=lambda one: (one.entry.endswith("()"), rank(one)))
            return next(iter(found), None)
        named = (item for item in self._in(scope) if attribute_of(item) == attribute)
        elsewhere = (self.at(owner.name, name) for owner, name in self.origins(attribute, scope))
        return next(named, None) or next(filter(None, elsewhere), None)

    def kind(  # noqa: PLR0911  # one return for each form
        self, node: ast.expr, scope: Scope, depth: int = 0
    ) -> Kind | None:
        """Return how the value of *node* is served, None if it is no application."""
        if depth > _DEEPEST:
            return None
        depth += 1
        match node:
            case ast.Name():
                return self._kind_of_name(node.id, scope, depth)
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.kind(value, scope, depth)
            case ast.IfExp(body=one, orelse=other):
                return self.kind(one, scope, depth) or self.kind(other, scope, depth)
            case ast.BoolOp(values=values):
                return next(filter(None, (self.kind(one, scope, depth) for one in values)), None)
            case ast.Attribute(value=owner, attr=attr):
                full = scope.full_name(node)
                module, _, name = full.rpartition(".")
                if inner := self.scope(module):
                    return self._kind_of_name(name, inner, depth)
                owned = self.kind(owner, scope, depth)
                # Dash's Flask, and the parts of an application that middleware replaces.
                return "wsgi" if owned == "dash" and attr == "server" else None
            case ast.Call():
                return self._kind_of_call(node, scope, depth)
            case _:
                return None

    def made_by(self, full_name: str, depth: int = 0) -> Kind | None:
        """Return how an object is served that the class or function *full_name* makes."""
        if kind := frameworks.kind_of(full_name):
            return kind
        module, _, name = full_name.rpartition(".")
        scope = self.scope(module) if module else None
        if scope is None or depth > _DEEPEST:
            return None
        if (definition := scope.classes.get(name)) is not None:
            bases = (self.made_by(scope.full_name(base), depth + 1) for base in definition.bases)
            return next(filter(None, bases), None) or _callable(definition)
        if (function := scope.functions.get(name)) is not None:
            return self.returned(function, scope, depth + 1)
        if (value := scope.values.get(name)) is not None:
            return self.made_by(scope.full_name(value), depth + 1)
        outside = frameworks.kind_of(scope.imports.get(name, ""))
        origins = self.origins(name, scope)
        kinds = (self.made_by(f"{owner.name}.{attribute}", depth + 1)
                 for owner, attribute in origins)  # fmt: skip
        return outside or next(filter(None, kinds), None)

    def returned(self, function: Function, scope: Scope, depth: int = 0) -> Kind | None:
        """Return how what *function* returns is served, None if it is no application."""
        if function.returns is not None and (kind := self._annotated(function.returns, scope)):
            return kind
        inner = scope.inside(function)
        returns = [node for node in statements(function.body) if isinstance(node, ast.Return)]
        values = (node.value for node in returns if node.value is not None)
        return next(filter(None, (self.kind(value, inner, depth) for value in values)), None)

    def _in(self, scope: Scope) -> Iterator[Application]:
        """Yield the applications that the module of *scope* makes, not those that it imports."""
        for name, value in scope.values.items():
            if (kind := self._kind_of_name(name, scope, 0)) and not name.startswith("__"):
                attribute = f"{name}.server" if kind == "dash" else name
                serve: Kind = "wsgi" if kind == "dash" else kind
                yield Application(f"{scope.name}:{attribute}", serve, scope.file, value.lineno)
        for name, function in scope.functions.items():
            if kind := _protocol(function):
                yield Application(f"{scope.name}:{name}", kind, scope.file, function.lineno)
            elif is_factory(function):
                made = self.returned(function, scope)
                if made and made != "dash":  # a Dash object is no WSGI callable itself
                    entry = f"{scope.name}:{name}()"
                    yield Application(entry, made, scope.file, function.lineno)

    def _kind_of_name(self, name: str, scope: Scope, depth: int) -> Kind | None:
        if name in scope.values:
            kind = self.kind(scope.values[name], scope, depth)
            annotation = scope.annotations.get(name)
            return kind or (self._annotated(annotation, scope) if annotation is not None else None)
        if name in scope.annotations:
            return self._annotated(scope.annotations[name], scope)
        if depth > _DEEPEST:
            return None
        kinds = (
            self._kind_of_name(attribute, owner, depth + 1)
            for owner, attribute in self.origins(name, scope)
        )
        return next(filter(None, kinds), None)

    def origins(self, name: str, scope: Scope) -> Iterator[tuple[Scope, str]]:
        """Yield the project's modules from which *scope* may import *name*, and its name there."""
        stars = [full for full in scope.imports.values() if full.endswith(".*")]
        for full in (scope.imports.get(name, ""), *(f"{star[:-1]}{name}" for star in stars)):
            module, _, attribute = full.rpartition(".")
            owner = self.scope(module) if module else None
            if owner is not None and owner.name != scope.name:
                yield owner, attribute

    def _kind_of_call(self, node: ast.Call, scope: Scope, depth: int) -> Kind | None:
        if kind := self.made_by(scope.full_name(node.func), depth):
            return kind
        if isinstance(node.func, ast.Name) and node.func.id in scope.functions:
            return self.returned(scope.functions[node.func.id], scope, depth)
        if isinstance(node.func, ast.Attribute) and node.func.attr in frameworks.METHODS:
            return frameworks.METHODS[node.func.attr]
        full = scope.full_name(node.func)
        given = [*node.args[:2], *(item.value for item in node.keywords)]
        if not frameworks.is_wrapper(full):
            # `app = Wrapped(app)` stands here with the former call in the place of the name.
            given = [one for one in given if isinstance(one, ast.Call)] if _is_class(full) else []
        kinds = (self.kind(argument, scope, depth) for argument in given)
        wrapped: Kind | None = next(filter(None, kinds), None)
        return frameworks.kind_of_wrapper(full, wrapped) if wrapped else None

    def _annotated(self, annotation: ast.expr, scope: Scope) -> Kind | None:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                return None
        return self.made_by(scope.full_name(annotation))


def _matches(files: SourceFiles, name: str, *, sure: bool) -> bool:
    pattern = frameworks.MAKES_APPLICATIONS if sure else frameworks.MAY_MAKE_ONE
    return pattern.search(files.data(name)) is not None


def is_factory(function: Function) -> bool:
    """Return whether *function* can be called without arguments, and is plain."""
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    plain = isinstance(function, ast.FunctionDef) and all(map(_is_cache, function.decorator_list))
    return (
        plain
        and positional == len(arguments.defaults)
        and all(default is not None for default in arguments.kw_defaults)
        and not function.name.startswith("__")
    )


def _is_class(full_name: str) -> bool:
    return full_name.rpartition(".")[2][:1].isupper()


def _is_cache(decorator: ast.expr) -> bool:
    return "cache" in ast.unparse(decorator)


def _protocol(function: Function) -> Kind | None:
    """Return the kind of an application that is a function itself."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    wsgi = names[:1] in (["environ"], ["env"]) and [name[:5] for name in names[1:]] == ["start"]
    if wsgi and isinstance(function, ast.FunctionDef):
        return "wsgi"
    if names == ["scope", "receive", "send"] and isinstance(function, ast.AsyncFunctionDef):
        return "asgi"
    return None


def _callable(definition: ast.ClassDef) -> Kind | None:
    for node in definition.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "__call__":
            return _protocol(node)
    return None
