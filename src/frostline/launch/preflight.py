"""Checks before the freeze that the product can be imported and started from source."""

import os
from pathlib import Path

from frostline.core import command, log, workspace
from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.launch import from_source
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import environment
from frostline.source.stage import Stage

# The exit code names the mistake; a traceback comes from the product itself.
_IMPORT_ENTRY = """
import importlib, sys
module, _, attribute = sys.argv[1].partition(":")
try:
    found = importlib.import_module(module)
except ModuleNotFoundError as error:
    print(error)
    sys.exit(41 if error.name and (module + ".").startswith(error.name + ".") else 42)
except SyntaxError as error:
    print(f"{error.filename}:{error.lineno}: syntax error: {error.msg}")
    sys.exit(44)
for part in attribute.split("."):
    if not hasattr(found, part):
        sys.exit(43)
    found = getattr(found, part)
"""
_NO_MODULE, _NO_DEPENDENCY, _NO_ATTRIBUTE, _SYNTAX_ERROR = 41, 42, 43, 44


def check(build: Build, stage: Stage) -> None:
    """Import every entry and start the services from source.

    Raises BuildError.
    """
    env = environment.child_environment(build.environ) | environment.of_source(stage.folder)
    log_file = build.log("preflight")
    entries = dict.fromkeys(
        [
            build.profile.entry,
            *(service.entry for service in build.profile.services if service.entry),
        ]
    )
    # In the work folder, not in the system's temporary folder: an interrupt could leave it behind.
    home = build.work / "home"
    with log.step(f"checking {build.product} unfrozen"):
        try:
            workspace.remove(home)
            home.mkdir(parents=True)
            for entry in entries:
                _import_entry(entry, stage, env, log_file)
            if build.profile.services and build.profile.check_unfrozen:
                variables = env | private(home, build.profile)
                with from_source.running(
                    build, stage.environment.python, variables, home, log_file
                ):
                    pass
        finally:
            workspace.remove(home)


def private(home: Path, profile: Profile) -> dict[str, str]:
    """Return variables that keep a run from source out of the user's own folders."""
    values = {"HOME": str(home), "USERPROFILE": str(home)}
    if profile.storage:
        values[profile.storage.variable] = str(home / "storage")
    return values


def _import_entry(entry: str, stage: Stage, env: Environ, log_file: Path) -> None:
    module, _, attribute = entry.partition(":")
    argv = [str(stage.environment.python), "-P", "-c", _IMPORT_ENTRY, entry]
    try:
        command.run(argv, log=log_file, env=env)
    except command.CommandError as error:
        last = error.tail[-1] if error.tail else ""
        if error.code == _SYNTAX_ERROR:
            message = f"{last.removeprefix(f'{stage.folder}{os.sep}')}."
            raise BuildError(message, hint=f"correct it; {error.hint}") from error
        reasons = {
            _NO_MODULE: f"the product has no module {module} (entry = {entry!r}).",
            _NO_DEPENDENCY: f"{module} needs a module that the lock does not install: {last}.",
            _NO_ATTRIBUTE: f"{module} has no {attribute} (entry = {entry!r}).",
        }
        message = reasons.get(error.code, f"{module} cannot be imported.")
        hint = f"correct `entry` in the profile, the code or the lock; {error.hint}"
        raise BuildError(message, hint=hint, tail=error.tail) from error
