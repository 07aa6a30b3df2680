"""Runs a product from source: for the check before the freeze, and for evidence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.launch.instance import Instance, NotHealthyError
from frostline.profile.build import Build
from frostline.source import environment

_STOP_TIMEOUT = 30.0  # seconds


@contextmanager
def running(
    build: Build, python: Path, env: Environ, home: Path, log_file: Path
) -> Iterator[Instance]:
    """Run the product with *python* in the folder *home*; stop it when the block ends.

    Raises BuildError if it does not become healthy, or does not stop.
    """
    argv, name = environment.entry_argv(python), f"{build.product}, run from source,"
    with Instance(argv, env=env, cwd=home, log=log_file, name=name) as instance:
        try:
            instance.wait_healthy(build.profile.smoke.timeout)
        except NotHealthyError as error:
            raise BuildError(error.message, hint=error.hint, tail=error.tail) from error
        yield instance
        try:
            instance.stop(_STOP_TIMEOUT)
        except TimeoutError as error:
            message = f"{name} did not stop within {_STOP_TIMEOUT:g} s."
            raise BuildError(message, hint=f"its output is in {log_file}") from error
