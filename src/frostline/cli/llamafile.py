"""The verb `llamafile`, which serves a model, packs a llamafile or inspects one."""

import dataclasses
import os
import shlex
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.cli import results
from frostline.cli.flags import here, refuse_beside
from frostline.cli.verb import verb
from frostline.core import log
from frostline.core.errors import UsageError

if TYPE_CHECKING:
    from frostline.llamafile.pack import Contents
    from frostline.llamafile.serve import Served


_LOOPBACK = "127.0.0.1"


@verb("Model", show=results.model)
def llamafile(
    model: str = "",
    base: str = "",
    host: str = _LOOPBACK,
    port: int = 0,
    gpu_layers: int = 0,
    ctx_size: int = 0,
    n_predict: int = -1,
    args: str = "",
    pack: Path | None = None,
    out: Path | None = None,
    inspect: Path | None = None,
    *,
    yes: bool = False,
    offline: bool = False,
) -> "Generator[Contents | Served]":
    """Serve a model on this machine until Ctrl-C; or pack or inspect a llamafile.

    Examples: frostline llamafile
              frostline llamafile --model ~/models/mistral.llamafile --port 8080 --gpu-layers 99
              frostline llamafile --pack model.gguf --base llamafile --out my.llamafile
              frostline llamafile --inspect my.llamafile --json
    """
    from frostline.llamafile import pack as packing
    from frostline.llamafile import serve
    from frostline.llamafile.serve import ServeRequest

    if inspect:
        refuse_beside(
            "--inspect", model=model, base=base, port=port, gpu_layers=gpu_layers,
            ctx_size=ctx_size, n_predict=n_predict != -1, host=host != _LOOPBACK, args=args,
            pack=pack, out=out, yes=yes,
        )  # fmt: skip
        yield packing.contents(inspect.expanduser())
        return
    project, extra = here(), _split(args)
    confirm = _always if yes else serve.confirm_on_terminal
    request = ServeRequest(model=model, base=base, port=port, offline=offline)
    if pack:
        refuse_beside(
            "--pack", model=model, port=port, gpu_layers=gpu_layers, ctx_size=ctx_size,
            n_predict=n_predict != -1, host=host != _LOOPBACK,
        )  # fmt: skip
        if not pack.expanduser().is_file():
            message = f"there is no file {pack}."
            raise UsageError(message, hint="--pack takes the GGUF file of a model")
        target = _writable(out, replace=yes)
        path, version = serve.base(project, request, os.environ, confirm=confirm)
        words = packing.arguments_of(pack, extra, version)
        packing.pack(pack.expanduser(), path, words, target)
        yield packing.contents(target)
        return
    refuse_beside("serving a model", out=out)
    serve.require_loopback(host)
    server = serve.settings(ctx_size, gpu_layers, n_predict, extra)
    request = dataclasses.replace(request, server=server)
    choice = serve.find(project, request, confirm=confirm)
    yield from serve.serve(project, choice, request, os.environ)
    log.done("stopped")


def _always(_: str) -> bool:
    return True


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        message = f"--args: {error}."
        raise UsageError(message, hint="quote it as in a shell") from None


def _writable(out: Path | None, *, replace: bool) -> Path:
    if not out:
        message = "--pack needs --out: the llamafile to write."
        raise UsageError(message, hint="for example --out my.llamafile")
    path = out.expanduser().absolute()
    if path.exists() and not replace:
        message = f"{path} already exists."
        raise UsageError(message, hint="choose another name, or add --yes to replace it")
    return path
