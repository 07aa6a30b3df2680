"""Makes virtual environments and installs into them: with uv if it is on PATH, else with pip."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from frostline.core import command, log


def make(folder: Path, base: str, *, env: Mapping[str, str], log_file: Path) -> None:
    """Make an empty virtual environment of the interpreter *base*. Raises CommandError."""
    uv = _uv(env)
    if uv:
        argv = [uv, "venv", "--no-project", "--python", base, str(folder)]
    else:
        argv = [base, "-m", "venv", "--without-pip", str(folder)]
    command.run(argv, log=log_file, env=env)


def install(
    python: Path, arguments: Sequence[str], *, env: Mapping[str, str], log_file: Path,
    on_line: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """Install what *arguments* name for the interpreter *python*. Raises CommandError.

    Where uv trusts no certificate of the index, pip is tried: it reads further settings.
    """
    uv = _uv(env)
    if uv:
        argv = [uv, "pip", "install", "--python", str(python), *arguments]
        try:
            command.run(argv, log=log_file, env=env, on_line=on_line)
        except command.CommandError as error:
            if not any("certificate" in line.lower() for line in error.tail):
                raise
            _say_why()
        else:
            return
    argv = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    argv += ["--no-input", "--no-compile", "--progress-bar=off", *arguments]
    command.run(argv, log=log_file, env=env, on_line=on_line)


def name(env: Mapping[str, str]) -> str:
    """Return what people know the installer by."""
    return "uv" if _uv(env) else "venv and pip"


def _uv(env: Mapping[str, str]) -> str | None:
    return shutil.which("uv", path=env.get("PATH"))


@cache
def _say_why() -> None:
    log.note("uv does not trust the certificate of the index; pip is tried instead")
