"""Runs uv: the one on PATH, else frostline's own, from its hashed lock."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from frostline.core import command, own_files
from frostline.core.command import Environ
from frostline.source import addresses, environment, index_access


def program(environ: Environ, log_file: Path) -> str:
    """Return the path of uv; make frostline's own if none is on PATH. Raises as `create`."""
    found = shutil.which("uv", path=environ.get("PATH"))
    if found:
        return found
    lock = environment.read_lock(own_files.data("resources", "requirements", "resolver.txt"))
    made = environment.create("uv", lock, environ=environ, log_file=log_file)
    return str(made.python.with_name("uv.exe" if os.name == "nt" else "uv"))


def output(
    arguments: Sequence[str], *, environ: Environ, log_file: Path, folder: Path
) -> tuple[str, ...]:
    """Return the lines that uv, run in *folder*, prints. Raises CommandError, and as `program`."""
    uv = program(environ, log_file)
    env = index_access.variables(environment.child_environment(environ))
    try:
        return command.output([uv, *arguments], log_file, env, folder)
    except command.CommandError as error:
        error.tail = tuple(addresses.public(line) for line in error.tail)
        raise
