"""Makes the environments that build backends run in, and keeps them in the cache."""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from frostline.core import cache, command, log
from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.source import environment, index_access, installer
from frostline.source.environment import Lock


def provide(requirements: Collection[str], *, environ: Environ, log_file: Path) -> Path:
    """Return the interpreter of an environment with *requirements*, from the cache.

    The versions of the first time are kept. Raises BuildError if the environment cannot be made,
    UsageError, StorageError.
    """
    wanted = sorted(set(requirements))
    place = cache.find(environ)
    lock = Lock("build requirements", "build requirements: " + "\n".join(wanted))

    def fill(folder: Path) -> None:
        with log.step("making the environment of the build backend"):
            _fill(folder, wanted, environ, log_file)

    key = environment.environment_key(place, lock)
    label = f"to build: {', '.join(wanted)}"
    return environment.layout(cache.provide(place, "environment", key, fill, label=label))[0]


def _fill(folder: Path, wanted: list[str], environ: Environ, log_file: Path) -> None:
    env = index_access.variables(environment.child_environment(environ))
    python, packages = environment.layout(folder)
    installer.make(folder, environment.base_executable(), env=env, log_file=log_file)
    if not wanted:
        return
    try:
        installer.install(python, wanted, env=env, log_file=log_file)
    except command.CommandError as error:
        message = f"what the build backend needs cannot be installed: {', '.join(wanted)}."
        hint = f"correct [build-system] of pyproject.toml, or the network's settings; {error.hint}"
        raise BuildError(message, hint=hint, tail=error.tail) from error
    with suppress(command.CommandError):  # of files for other versions of Python
        compiling = [str(python), "-I", "-m", "compileall", "-q", "-j", "0", str(packages)]
        command.run(compiling, log=log_file, env=env)
