"""Checks before the freeze that the product can be imported and started from source."""

from pathlib import Path

from frostline.core import command, log, workspace
from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.launch.instance import Instance
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
for part in attribute.split("."):
    if not hasattr(found, part):
        sys.exit(43)
    found = getattr(found, part)
"""
_NO_MODULE, _NO_DEPENDENCY, _NO_ATTRIBUTE = 41, 42, 43


def check(build: Build, stage: Stage) -> None:
    """Import every entry and start the services from source.

    Raises BuildError, or NotHealthyError if a service does not become healthy.
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
                _import_entry(entry, stage.environment.python, env, log_file)
            if build.profile.services and build.profile.check_unfrozen:
                _start(build, stage, env | private(home, build.profile), home)
        finally:
            workspace.remove(home)


def private(home: Path, profile: Profile) -> dict[str, str]:
    """Return variables that keep a run from source out of the user's own folders."""
    values = {"HOME": str(home), "USERPROFILE": str(home)}
    if profile.storage:
        values[profile.storage.variable] = str(home / "storage")
    return values


def _import_entry(entry: str, python: Path, env: Environ, log_file: Path) -> None:
    module, _, attribute = entry.partition(":")
    argv = [str(python), "-P", "-c", _IMPORT_ENTRY, entry]
    try:
        command.run(argv, log=log_file, env=env)
    except command.CommandError as error:
        reasons = {
            _NO_MODULE: f"the product has no module {module} (entry = {entry!r}).",
            _NO_DEPENDENCY: f"{module} needs a module that the lock does not install: "
            f"{error.tail[-1] if error.tail else ''}.",
            _NO_ATTRIBUTE: f"{module} has no {attribute} (entry = {entry!r}).",
        }
        message = reasons.get(error.code, f"{module} cannot be imported.")
        hint = f"correct entry or the lock in the profile; {error.hint}"
        raise BuildError(message, hint=hint, tail=error.tail) from error


def _start(build: Build, stage: Stage, env: Environ, home: Path) -> None:
    argv = environment.entry_argv(stage.environment.python)
    log_file = build.log("preflight")
    with Instance(argv, env=env, cwd=home, log=log_file) as instance:
        instance.wait_healthy(build.profile.smoke.timeout)
        try:
            instance.stop(30)
        except TimeoutError as error:
            message = f"{build.product} did not stop within 30 s when run from source."
            raise BuildError(message, hint=f"its output is in {log_file}") from error
