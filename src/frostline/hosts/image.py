"""Makes the images that Linux artifacts are frozen in: from a registry, or from Debian packages."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from frostline.core import command, digest, log, workspace
from frostline.core.errors import HostError
from frostline.core.platforms import Platform
from frostline.hosts import engine
from frostline.hosts.engine import Engine
from frostline.profile.policy import Debian, Image

_DEBIAN_NAMES = {"x86_64": "amd64", "arm64": "arm64"}


def name(platform: Platform, image: Image, *, debian: bool) -> str:
    """Return the local name of *platform*'s image; it contains a digest of the recipe."""
    own = image.debian[platform.machine]
    recipe = own.model_dump_json() if debian else f"{image.base}\n{image.setup}"
    key = digest.of_values({"platform": platform.name, "recipe": recipe})
    return f"localhost/frostline/{platform.name}:{key[:12]}"


def find(made_by: Engine, platform: Platform, image: Image) -> str:
    """Return the name of *platform*'s image if *made_by* has one, else ""."""
    names = (name(platform, image, debian=debian) for debian in (False, True))
    return next(filter(made_by.has, names), "")


def make(made_by: Engine, platform: Platform, image: Image, *, debian: bool) -> str:
    """Make the image of *platform*, from the registry or from *debian* packages; return its name.

    Raises HostError, CommandError.
    """
    engine.require_machine(platform)
    made = name(platform, image, debian=debian)
    if made_by.has(made):
        return made
    title = f"making the image of {platform.name}"
    with workspace.temporary() as place, log.step(title) as step:
        if debian:
            recipe = image.debian[platform.machine]
            base, setup = f"{made}-base-{os.getpid()}", recipe.setup
            _debian(made_by, platform, recipe, base, place, step.update)
        else:
            base, setup = image.base, image.setup
        description = place / "Containerfile"
        description.write_text(engine.containerfile(base, setup), encoding="utf-8")
        context = place / "context"
        context.mkdir()
        options = ["--platform", platform.oci, "--tag", made, "--file", str(description)]
        try:
            made_by.run(["build", *options, str(context)], on_line=step.update)
        except command.CommandError as error:
            message = f"the image of {platform.name} could not be made from {base}."
            instead = (
                f"without the registry, run `frostline image --platform {platform.name} --debian`"
            )
            hint = error.hint if debian else f"{instead}; {error.hint}"
            raise HostError(message, hint=hint, tail=error.tail) from error
        finally:
            if debian:
                made_by.run(["image", "rm", "--force", base])
    return made


def _debian(
    made_by: Engine,
    platform: Platform,
    recipe: Debian,
    base: str,
    place: Path,
    report: Callable[[str], None],
) -> None:
    program = shutil.which("mmdebstrap", path=made_by.environ.get("PATH"))
    if not program:
        message = "mmdebstrap is not on PATH, and --debian needs it."
        raise HostError(message, hint="install it (on Debian or Ubuntu), or leave --debian out")
    tree = place / "system.tar"
    machine = _DEBIAN_NAMES[platform.machine]
    packages = ",".join(recipe.packages)
    options = ["--variant=minbase", f"--architectures={machine}", f"--include={packages}"]
    argv = [program, *options, recipe.suite, str(tree)]
    try:
        command.run(argv, log=made_by.log, env=made_by.environ, on_line=report)
        made_by.run(["import", *_importing(made_by, platform), str(tree), base], on_line=report)
    except command.CommandError as error:
        message = f"Debian {recipe.suite} for {machine} could not be made."
        raise HostError(message, hint=error.hint, tail=error.tail) from error


def _importing(made_by: Engine, platform: Platform) -> tuple[str, ...]:
    """Return the engine's options that name the platform of an imported tree."""
    if made_by.name == "docker":
        return ("--platform", platform.oci)
    system, _, machine = platform.oci.partition("/")
    return ("--os", system, "--arch", machine)
