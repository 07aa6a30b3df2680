"""The model server: which executable, and how it is told what to do."""

import os
from collections.abc import Mapping
from pathlib import Path

from frostline_runtime.manifest import ModelServer


class ModelServerError(Exception):
    """The configured model server cannot be started."""


def locate(server: ModelServer, environ: Mapping[str, str], bundle: Path) -> Path | None:
    """Return the executable of *server*, or None if none is configured.

    The user's variable goes before the bundled file. Raises ModelServerError if the named
    file is missing or not executable.
    """
    chosen = environ.get(server.variable, "") if server.variable else ""
    origin = f"{server.variable} names" if chosen else "the profile names"
    if not chosen and server.executable:
        chosen = server.executable.replace("{bundle}", str(bundle))
    if not chosen:
        return None
    path = Path(chosen).expanduser()
    if not path.is_file():
        message = f"model server missing: {origin} {path}, and there is no such file."
        raise ModelServerError(message)
    if not os.access(path, os.X_OK):
        message = f"model server not executable: {origin} {path}; run `chmod +x` on it."
        raise ModelServerError(message)
    return path


def arguments(
    server: ModelServer, environ: Mapping[str, str], bundle: Path, port: int
) -> tuple[str, ...]:
    """Return the command line of llamafile 0.10 that serves on loopback *port*."""
    line = ["--server", "--host", "127.0.0.1", "--port", str(port)]
    chosen = environ.get(server.model_variable) if server.model_variable else ""
    model = chosen or server.model.replace("{bundle}", str(bundle))
    if model:
        line += ["-m", model]
    line += ["-c", str(server.context), "-ngl", str(server.gpu_layers), "-n", str(server.predict)]
    return (*line, *server.arguments)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without the variables that would override the command line."""
    return {k: v for k, v in environ.items() if not k.startswith(("LLAMA_", "AIP_"))}


def addresses(server: ModelServer, port: int) -> dict[str, str]:
    """Return the variables that tell other services where *server* listens."""
    url = f"http://127.0.0.1:{port}"
    return {name: value.replace("{url}", url) for name, value in server.addresses.items()}
