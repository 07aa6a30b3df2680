"""Builds the product's wheel with its own build backend, from a copy of the source."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.core import archive, command, workspace
from frostline.core.errors import BuildError, FrostlineError
from frostline.profile.build import Build
from frostline.source import build_environment, environment, source_copy

if TYPE_CHECKING:
    from build import ProjectBuilder


def build_wheel(build: Build) -> Path:
    """Build the product's wheel and return its file.

    Raises BuildError if the backend fails, UsageError, TomlError, StorageError.
    """
    folder = build.work / "wheel"
    workspace.remove(folder)
    with (
        source_copy.copied(build) as copy,
        _explained(build, copy),
        warnings.catch_warnings(action="ignore"),  # of the backend: they stand in the log
    ):
        return Path(_backend(build, copy).build("wheel", folder))


def _backend(build: Build, copy: Path) -> "ProjectBuilder":
    """Return the backend of *copy*, in an environment with all that it asks for."""
    if not any((copy / name).is_file() for name in ("pyproject.toml", "setup.py")):
        workspace.write(copy / "pyproject.toml", "")  # `build` wants one beside a setup.cfg
    backend = _in_environment(build, copy, set())
    asked = backend.get_requires_for_build("wheel") - backend.build_system_requires
    return _in_environment(build, copy, asked) if asked else backend


def _in_environment(build: Build, copy: Path, asked: set[str]) -> "ProjectBuilder":
    from build import ProjectBuilder  # noqa: PLC0415  # an unchanged build imports few modules

    log_file = build.log("wheel")
    wanted = ProjectBuilder(copy).build_system_requires | asked
    python = build_environment.provide(wanted, environ=build.environ, log_file=log_file)
    env = {
        key: value
        for key, value in environment.child_environment(build.environ).items()
        if not key.startswith("GIT_")  # they would name another repository
    }
    path = os.pathsep.join(filter(None, (str(python.parent), env.get("PATH"))))
    env |= {"PATH": path, "SOURCE_DATE_EPOCH": str(archive.EPOCH)}

    def run(
        cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        place = Path(cwd) if cwd else None
        command.run(cmd, log=log_file, env={**env, **(extra_environ or {})}, cwd=place)

    return ProjectBuilder(copy, python_executable=str(python), runner=run)


@contextmanager
def _explained(build: Build, copy: Path) -> Iterator[None]:
    """Turn errors of `build` and of backends into one that names the user's own paths."""
    from build import BuildBackendException, BuildException  # noqa: PLC0415  # as above

    source = build.root / build.profile.source
    message, reason = f"{source} cannot be built into a wheel", ""
    try:
        yield
    except BuildBackendException as error:
        cause = error.exception
        if isinstance(cause, FrostlineError):
            if not isinstance(cause, BuildError):
                raise cause from error
            tail = [line.replace(str(copy), str(source)) for line in cause.tail]
            text = f"{message}."
            raise BuildError(text, hint=cause.hint, tail=tail) from error
        reason = str(error)
    except BuildException as error:
        reason = str(error)
    if reason:
        reason = reason.replace(str(copy), str(source))
        message = f"{message}: {reason.removesuffix('.')}."
        raise BuildError(message, hint="correct [build-system] in its pyproject.toml")
