"""Checks before the freeze that the product can be imported and started from source."""

import os
from pathlib import Path

from frostline.core import command, log, workspace
from frostline.core.command import Environ
from frostline.core.errors import BuildError
from frostline.launch import from_source, health_path
from frostline.launch.instance import Instance
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.profile.services import Probe
from frostline.source import environment
from frostline.source.stage import Stage

# A script is only compiled: importing it would run it. The exit code names the mistake; a traceback
# comes from the product itself.
_IMPORT_ENTRY = """
import importlib, importlib.util, sys
module, _, attribute = sys.argv[1].removesuffix("()").partition(":")
try:
    if attribute:
        found = importlib.import_module(module)
    else:
        found = importlib.util.find_spec(module)
        if not found or not found.loader:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        found.loader.get_code(module)
        sys.exit()
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


def check(build: Build, stage: Stage) -> dict[str, Probe]:
    """Import every entry and start the services from source.

    Returns the startup probe that was found for each service that has a port and no such probe.
    Raises BuildError.
    """
    found: dict[str, Probe] = {}
    env = environment.child_environment(build.environ) | environment.of_source(
        stage.folder, build.profile
    )
    log_file = build.log("preflight")
    # In the work folder, not in the system's temporary folder: an interrupt could leave it behind.
    home = build.work / "home"
    with log.step(f"checking {build.product} unfrozen"):
        try:
            workspace.remove(home)
            home.mkdir(parents=True)
            for entry in build.profile.entries:
                _import_entry(entry, stage, env, log_file)
            if build.profile.services and build.profile.check_unfrozen:
                variables = env | private(home, build.profile)
                with from_source.running(
                    build, stage.environment.python, variables, home, log_file
                ) as instance:
                    found = _startup_probes(build.profile, instance)
        finally:
            workspace.remove(home)
    return found


def _startup_probes(profile: Profile, instance: Instance) -> dict[str, Probe]:
    """Return the probe of each service of *profile* that listens in *instance* and has none."""
    without = [
        s.name for s in profile.services if s.port and not s.startup and s.kind != "llamafile"
    ]
    if not without:
        return {}
    instance.wait_event("ready", profile.smoke.timeout)
    urls = instance.service_urls()
    return {name: health_path.find(urls[name]) for name in without if name in urls}


def private(home: Path, profile: Profile) -> dict[str, str]:
    """Return variables that keep a run from source out of the user's own folders."""
    values = {**profile.smoke.environment, "HOME": str(home), "USERPROFILE": str(home)}
    if profile.storage:
        values[profile.storage.variable] = str(home / "storage")
    return values


def _import_entry(entry: str, stage: Stage, env: Environ, log_file: Path) -> None:
    module, _, attribute = entry.removesuffix("()").partition(":")
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
