"""The subcommands of a command line, as far as argparse, click and typer spell them out."""

import ast
from collections.abc import Iterator

from frostline.infer import module_names
from frostline.infer.applications import Applications
from frostline.infer.scopes import Function, Scope, calls, text_of

_DEEPEST = 4
_ADD = (b"add_command", b"add_typer")
# click takes these endings off a function's name since 8.2, and leaves them before.
_UNSURE = ("_command", "_cmd", "_group", "_grp")


def subcommands(applications: Applications, entry: str) -> tuple[str, ...] | None:
    """Return the subcommands of the program *entry*; None if it has no parser that is known."""
    module, _, name = entry.removesuffix("()").partition(":")
    scope = applications.scope(module)
    if scope is None:
        return None
    if not name:
        return _of_body(applications, scope, applications.files.tree(scope.file), 0)
    return _of_name(applications, scope, name, 0)


def _of_name(  # noqa: PLR0911  # one return for each form
    applications: Applications, scope: Scope, name: str, depth: int
) -> tuple[str, ...] | None:
    if depth > _DEEPEST:
        return None
    if (function := scope.functions.get(name)) is not None:
        inner = scope.inside(function)
        for decorator in function.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            last = scope.full_name(call).rpartition(".")[2]
            if _is_click(scope, call) and last in {"command", "group"}:
                whole = f"{scope.name}.{name}"
                return _click(applications, whole) if last == "group" else ()
        return _of_body(applications, inner, function, depth)
    value = scope.values.get(name)
    if isinstance(value, ast.Call):
        full = scope.full_name(value.func)
        if full in {"typer.Typer", "typer.main.Typer", "cyclopts.App"}:
            return _click(applications, f"{scope.name}.{name}", typer="typer" in full)
        if _is_click(scope, value.func):
            return ()
    owner, _, attribute = scope.imports.get(name, "").rpartition(".")
    if (other := applications.scope(owner)) is not None:
        return _of_name(applications, other, attribute, depth + 1)
    return None


def _of_body(
    applications: Applications, scope: Scope, body: ast.AST | None, depth: int
) -> tuple[str, ...] | None:
    """Return the subcommands of the first parser that *body* or a function that it calls makes."""
    for call in calls([body] if body else []):
        full = scope.full_name(call.func)
        if full.endswith(("ArgumentParser", "OptionParser")):
            return _argparse(applications.files.tree(scope.file))
        if full in {"typer.run", "fire.Fire", "tyro.cli"}:
            return ()
        module, _, name = full.rpartition(".")
        owner = applications.scope(module)
        if owner is not None and name and full != scope.name:
            found = _of_name(applications, owner, name, depth + 1)
            if found is not None:
                return found
    return None


def _argparse(tree: ast.Module | None) -> tuple[str, ...]:
    """Return the names that `add_parser` gets on the subparsers of a module's top parser."""
    parsers, groups, names = set[str](), set[str](), list[str]()
    for node in ast.walk(tree) if tree else ():
        if not (isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call)):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        made = node.value.func
        last = made.attr if isinstance(made, ast.Attribute) else ast.unparse(made)
        if last.endswith("ArgumentParser"):
            parsers.add(ast.unparse(target))
        elif last == "add_subparsers" and ast.unparse(made).rpartition(".")[0] in parsers:
            groups.add(ast.unparse(target))
    for call in calls([tree] if tree else []):
        owner, _, method = ast.unparse(call.func).rpartition(".")
        name = text_of(call.args[0]) if call.args else ""
        if method == "add_parser" and owner in groups and name:
            names.append(name)
    return tuple(dict.fromkeys(names))


def _click(applications: Applications, group: str, *, typer: bool = False) -> tuple[str, ...]:
    """Return the commands of the click group or Typer application *group* (its full name)."""
    names: list[str] = []
    commands, callback = 0, False
    for file in applications.files.python_with(".command", "add_command", "add_typer", ".group"):
        aside = module_names.aside(file)
        scope = None if aside else applications.scope_of_file(file)
        for function, decorator in _decorated(scope) if scope else ():
            owner = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not (isinstance(owner, ast.Attribute) and scope):
                continue
            if _target(applications, scope, owner.value) != group:
                continue
            callback = callback or owner.attr == "callback"
            if owner.attr in {"command", "group"}:
                commands += 1
                names += _command_name(function, decorator)
        adds = scope and any(word in applications.files.data(file) for word in _ADD)
        tree = applications.files.tree(file) if adds else None
        for call in calls([tree] if tree else []):
            on = call.func.value if isinstance(call.func, ast.Attribute) else None
            if on is not None and scope and _target(applications, scope, on) == group:
                names += _added(applications, scope, call)
    if typer and commands == len(names) == 1 and not callback:
        return ()  # Typer runs its only command without a name
    return tuple(dict.fromkeys(names))


def _target(applications: Applications, scope: Scope, node: ast.expr) -> str:
    """Return the full name of what *node* stands for, through re-exports of the project."""
    full = scope.full_name(node)
    for _ in range(_DEEPEST):
        module, _, name = full.rpartition(".")
        owner = applications.scope(module)
        if owner is None or name not in owner.imports or name in owner.values:
            break
        full = owner.imports[name]
    return full


def _added(applications: Applications, scope: Scope, call: ast.Call) -> Iterator[str]:
    """Yield the name that `group.add_command(x)` or `app.add_typer(x, name=…)` adds."""
    given = next((text_of(item.value) for item in call.keywords if item.arg == "name"), "")
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if attribute == "add_typer" and given:
        yield given
    elif attribute == "add_command" and call.args:
        given = given or (text_of(call.args[1]) if len(call.args) > 1 else "")
        module, _, name = _target(applications, scope, call.args[0]).rpartition(".")
        owner = applications.scope(module)
        function = owner.functions.get(name) if owner else None
        if given:
            yield given
        elif function is not None and function.decorator_list:
            yield from _command_name(function, function.decorator_list[0])


def _command_name(function: Function, decorator: ast.expr) -> Iterator[str]:
    if isinstance(decorator, ast.Call):
        first = decorator.args[0] if decorator.args else None
        name = text_of(first) or next(
            (text_of(item.value) for item in decorator.keywords if item.arg == "name"), ""
        )
        if name:
            yield name
            return
        if first is not None or any(item.arg in {"name", None} for item in decorator.keywords):
            return  # a computed name
    if not function.name.endswith(_UNSURE):
        yield function.name.lower().replace("_", "-")


def _decorated(scope: Scope) -> Iterator[tuple[Function, ast.expr]]:
    for function in scope.functions.values():
        for decorator in function.decorator_list:
            yield function, decorator


def _is_click(scope: Scope, node: ast.expr) -> bool:
    top = scope.full_name(node).partition(".")[0]
    return top in {"click", "rich_click", "asyncclick", "cloup", "typer", "flask"}
