"""Follows a program of the project to the server that it starts: `uvicorn.run(app)` and its kin."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from frostline.infer.applications import Applications
from frostline.infer.candidates import Application
from frostline.infer.frameworks import Kind
from frostline.infer.scopes import Function, Scope, calls, keyword, text_of
from frostline.infer.services import Port, port_in_code

_DEEPEST = 4
# Functions and classes that serve, the place of the application among their arguments, its kind.
_SERVE: dict[str, tuple[int, Kind]] = {
    "uvicorn.run": (0, "asgi"),
    "uvicorn.Config": (0, "asgi"),
    "hypercorn.asyncio.serve": (0, "asgi"),
    "granian.Granian": (0, "asgi"),
    "granian.server.Granian": (0, "asgi"),
    "waitress.serve": (0, "wsgi"),
    "bottle.run": (0, "wsgi"),
    "gevent.pywsgi.WSGIServer": (1, "wsgi"),
    "cheroot.wsgi.Server": (1, "wsgi"),
    "wsgiref.simple_server.make_server": (2, "wsgi"),
    "werkzeug.serving.run_simple": (2, "wsgi"),
    "werkzeug.serving.make_server": (2, "wsgi"),
    "paste.httpserver.serve": (0, "wsgi"),
}
# What listens but serves no application that a server could run: the port is the program's own.
_LISTEN = {
    "http.server.HTTPServer", "http.server.ThreadingHTTPServer", "http.server.test",
    "socketserver.TCPServer", "socketserver.ThreadingTCPServer", "asyncio.start_server",
    "aiohttp.web.run_app", "aiohttp.web.TCPSite", "tornado.httpserver.HTTPServer",
    "grpc.server", "grpc.aio.server", "websockets.serve", "websockets.asyncio.server.serve",
    "xmlrpc.server.SimpleXMLRPCServer", "asyncio.start_unix_server", "cherrypy.quickstart",
    "cherrypy.engine.start", "socket.create_server", "robyn.Robyn", "flask_socketio.SocketIO",
}  # fmt: skip


@dataclass(frozen=True)
class Served:
    """What a program serves: *application*, or None if it listens in another way, *where*."""

    application: Application | None
    where: str
    port: Port | None = None
    """The port at which it listens in another way, as far as its code names one."""


def served(
    applications: Applications, scope: Scope, body: Iterable[ast.AST], depth: int = 0
) -> Served | None:
    """Return what *body*, a part of the module of *scope*, serves; None if it serves nothing."""
    other: Served | None = None
    for call in calls(body):
        full = scope.full_name(call.func)
        where = f"{scope.file}:{call.lineno}"
        if (found := _application(applications, scope, call, full)) is not None:
            return Served(found, where)
        if full in _SERVE or full in _LISTEN or _runs(applications, scope, call):
            other = other or Served(None, where, _port(call, scope))
        elif depth < _DEEPEST and (inner := _called(applications, full)) is not None:
            owner, function = inner
            result = served(applications, owner.inside(function), function.body, depth + 1)
            if result and result.application:
                return result
            other = other or result
    return other


def _application(
    applications: Applications, scope: Scope, call: ast.Call, full: str
) -> Application | None:
    if full in _SERVE:
        place, serve = _SERVE[full]
        node = call.args[place] if len(call.args) > place else keyword(
            call, "app", "application", "target", "wsgi_app", "wsgi"
        )  # fmt: skip
    elif _runs(applications, scope, call) and isinstance(call.func, ast.Attribute):
        node, serve = call.func.value, "wsgi"
    else:
        return None
    factory = isinstance(flag := keyword(call, "factory"), ast.Constant) and bool(flag.value)
    return _of(applications, scope, node, serve, factory=factory)


def _of(
    applications: Applications, scope: Scope, node: ast.expr | None, serve: Kind, *, factory: bool
) -> Application | None:
    """Return the application that *node* stands for, None if no other module can name it."""
    called = False
    if text := text_of(node):
        module, _, name = text.partition(":")
    else:
        called = isinstance(node, ast.Call) and not (node.args or node.keywords)
        target = node.func if isinstance(node, ast.Call) and called else node
        module, _, name = scope.full_name(target).rpartition(".") if target else ("", "", "")
        if isinstance(node, ast.Call) and not called:
            return None
    owner = applications.scope(module)
    if isinstance(node, ast.Name) and not applications.at(module, name):
        value = scope.values.get(node.id)
        if isinstance(value, ast.Call):  # `app = create_app()` inside of the function
            return _of(applications, scope, value, serve, factory=factory)
    if owner is None or not name:
        return None
    if (found := applications.at(module, name)) is not None:
        if factory and not found.entry.endswith("()"):
            found = Application(f"{found.entry}()", found.serve, found.file, found.line)
        return found
    # `full_name` gives names of a function the module's prefix: they are not the module's.
    outer = applications.scope(scope.name) if module == scope.name else owner
    if outer is None or name not in {*outer.values, *outer.functions, *outer.imports}:
        return None
    line = getattr(node, "lineno", 1)
    suffix = "()" if factory or called else ""
    return Application(f"{module}:{name}{suffix}", serve, scope.file, line)


def _runs(applications: Applications, scope: Scope, call: ast.Call) -> bool:
    """Return whether *call* is `app.run(…)` of an application."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    named = isinstance(call.func, ast.Attribute) and call.func.attr in {"run", "run_server"}
    return named and owner is not None and applications.kind(owner, scope) is not None


def _port(call: ast.Call, scope: Scope) -> Port | None:
    """Return the port among the arguments of *call*, or in an address `(host, port)`."""
    given = [*(item.value for item in call.keywords if item.arg == "port"), *call.args]
    nodes = (
        part
        for node in given
        for part in (node.elts if isinstance(node, ast.Tuple | ast.List) else [node])
    )
    return next(filter(None, (port_in_code(node, scope) for node in nodes)), None)


def _called(applications: Applications, full: str) -> tuple[Scope, Function] | None:
    module, _, name = full.rpartition(".")
    owner = applications.scope(module)
    if owner is None:
        return None
    if name in owner.functions:
        return owner, owner.functions[name]
    imported = owner.imports.get(name, "")
    return _called(applications, imported) if imported and imported != full else None
