"""Runs the entry point of a service or program in this process."""

import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, cast

from frostline_runtime import exit_codes
from frostline_runtime.artifact.guardian import INSTANCE
from frostline_runtime.artifact.loopback import INSTANCE_HEADER
from frostline_runtime.artifact.manifest import Serve
from frostline_runtime.supervision.launch import PORT, inherited_listener
from frostline_runtime.supervision.looplag import LoopLag

Scope = Mapping[str, object]
Send = Callable[[dict[str, object]], Awaitable[None]]
Asgi = Callable[[Scope, object, Send], Awaitable[None]]


# Imported by name: they are dependencies of the product, not of the run time.
_SERVERS = {"asgi": "uvicorn", "wsgi": "waitress"}


class Application(Protocol):
    """What an entry point names: a function, or an ASGI or WSGI application."""

    def __call__(self, *arguments: object) -> object:
        """Run the function, or answer one request."""


class _Server(Protocol):
    def run(self, sockets: list[socket.socket] | None = None) -> None: ...


def load(entry: str) -> Application:
    """Return the object that *entry* names. Raises ImportError, AttributeError.

    `module:attribute` is the attribute, `module:factory()` what the factory returns, `module` a
    function that runs the module as a script.
    """
    module, colon, attribute = entry.partition(":")
    if not colon:
        return cast("Application", lambda: _run_script(module))
    found: object = importlib.import_module(module)
    for part in attribute.removesuffix("()").split("."):
        found = getattr(found, part)
    target = cast("Application", found)
    return cast("Application", target()) if attribute.endswith("()") else target


def _run_script(module: str) -> None:
    import runpy  # noqa: PLC0415  # only for scripts

    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run(entry: str, serve: Serve, lag: LoopLag | None = None) -> int:
    """Run *entry* until it ends and return the exit code; *lag* measures its event loop."""
    # Imports make long-lived objects only: without garbage collection they take an eighth less.
    gc.disable()
    target = load(entry)
    if serve in _SERVERS:
        importlib.import_module(_SERVERS[serve])
    gc.freeze()
    gc.enable()
    match serve:
        case "function":
            return exit_code(target())
        case "asgi":
            return _run_asgi(target, lag or LoopLag())
        case "wsgi":
            return _run_wsgi(target)


def exit_code(result: object) -> int:
    """Return the exit code that `sys.exit(result)` would end with."""
    if result is None:
        return exit_codes.OK
    if isinstance(result, int):
        return result
    print(result, file=sys.stderr)
    return exit_codes.FAILED


def _run_asgi(application: Application, lag: LoopLag) -> int:
    uvicorn = importlib.import_module(_SERVERS["asgi"])
    listener = inherited_listener()
    config = uvicorn.Config(
        signed(application, os.environ.get(INSTANCE, ""), lag),
        host="127.0.0.1",
        port=int(os.environ.get(PORT, "0")),
        log_level="info",
        access_log=False,
    )
    server: _Server = uvicorn.Server(config)
    server.run(sockets=[listener] if listener else None)
    return exit_codes.OK


def signed(application: Application, instance: str, lag: LoopLag) -> Application:
    """Return the ASGI *application* with a header that names *instance* in each HTTP answer.

    By it a probe sees that this launch has answered and no other process on the port. *lag*
    measures the event loop that runs the application.
    """
    if not instance:
        return application
    header = (INSTANCE_HEADER.lower().encode(), instance.encode())
    run = cast("Asgi", application)

    async def asgi(scope: Scope, receive: object, send: Send) -> None:
        if scope["type"] == "lifespan":
            import asyncio  # noqa: PLC0415  # the ASGI server has imported it already

            lag.watch(asyncio.get_running_loop())

        async def sign(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = cast("list[tuple[bytes, bytes]]", message.get("headers") or [])
                message = {**message, "headers": [*headers, header]}
            await send(message)

        await run(scope, receive, sign if scope["type"] == "http" else send)

    return cast("Application", asgi)


def _run_wsgi(application: Application) -> int:
    waitress = importlib.import_module(_SERVERS["wsgi"])
    # It warns of waiting requests already when its threads have only just started.
    importlib.import_module("logging").getLogger("waitress.queue").setLevel("ERROR")
    listener = inherited_listener()
    place = {"host": "127.0.0.1", "port": os.environ.get(PORT, "0")}
    server: _Server = waitress.create_server(
        application, **({"sockets": [listener]} if listener else place), threads=8
    )
    # Running requests are answered before it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(exit_codes.OK))
    server.run()
    return exit_codes.OK
