"""Asks the Python index, through uv and so as uv is configured, which wheels a lock names."""

import shutil
import tomllib
from pathlib import Path

from packaging.pylock import Pylock, PylockValidationError

from frostline.core import command
from frostline.core.command import Environ
from frostline.core.errors import FetchError, HostError
from frostline.source import index_access
from frostline.source.environment import child_environment


def wheels(lock: Path, python: str, *, environ: Environ, log_file: Path) -> dict[str, str]:
    """Return the file names of all wheels of the packages in *lock*, by their SHA-256.

    Raises HostError if uv is not installed, FetchError if it fails or answers nonsense.
    """
    uv = shutil.which("uv", path=environ.get("PATH"))
    if not uv:
        message = f"uv is not on PATH; it asks the index about the wheels of {lock.name}."
        raise HostError(message, hint="install uv, for example with `pip install uv`")
    argv = [uv, "pip", "compile", "--quiet", "--no-deps", "--universal", "--no-header"]
    argv += ["--python-version", python, "--format", "pylock.toml", str(lock)]
    try:
        env = index_access.variables(child_environment(environ))
        lines = command.output(argv, log_file, env, lock.parent)
    except command.CommandError as error:
        message = f"uv could not ask the index about the wheels of {lock.name}."
        raise FetchError(message, hint=error.hint, tail=error.tail) from error
    try:
        answer = Pylock.from_dict(tomllib.loads("\n".join(lines)))
    except (ValueError, PylockValidationError) as error:
        message = f"uv's answer about {lock.name} cannot be read: {error}."
        raise FetchError(message, hint=f"uv's full output is in {log_file}") from error
    return {
        wheel.hashes["sha256"]: wheel.filename
        for package in answer.packages
        for wheel in package.wheels or ()
        if "sha256" in wheel.hashes
    }
