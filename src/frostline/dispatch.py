"""Builds and tries a target wherever that can be done: here, in a container, on GitHub."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from frostline import pipeline
from frostline.core import log, platforms
from frostline.core.errors import HostError, UsageError
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Target, Workspace
from frostline.freeze.bundle import Bundle
from frostline.hosts import choice as places
from frostline.hosts import container, engine, image
from frostline.hosts.choice import Place, Where
from frostline.hosts.container import Box
from frostline.profile import policy
from frostline.profile import reading as profile_file
from frostline.smoke.verdict import Verdict
from frostline.source import wheelhouse
from frostline.source.environment import Wheel

if TYPE_CHECKING:
    from frostline.release.github import Repository


@dataclass(frozen=True)
class Means:
    """Where it is to be done; *promised*: the platform was named, and so was its oldest system.

    *engine*: podman or docker; the one that is found, if empty. *run*: a run on GitHub to go on
    with.
    """

    where: Where = "auto"
    promised: bool = False
    engine: str = ""
    run: int = 0


def build(
    paths: Workspace, target: Target, environ: Mapping[str, str], means: Means, *,
    clean: bool = False, debug: bool = False,
) -> Bundle:  # fmt: skip
    """Return the bundle of *target*, built where *means* says. Raises HostError, BuildError."""
    loaded = profile_file.load(paths, target)
    pipeline.require_for(loaded, target)
    if means.run or _place(target, means) == "remote":
        from frostline.hosts import remote  # noqa: PLC0415  # 0.1 s of every start

        if target.layout != loaded.layout:
            message = f"GitHub's machines build {loaded.layout}, as the profile says."
            raise UsageError(message, hint="leave --layout out, or change the profile")
        repository = _repository(paths, target.platform, environ)
        with pipeline.exclusively(paths, target):
            return remote.build(paths, target, repository, environ, means.run)
    box = _box(paths, target, environ, means)
    if not box:
        return pipeline.build(paths, target, environ, clean=clean, debug=debug)
    network = any(step.network for step in loaded.before)
    container.build(box, clean=clean, debug=debug, network=network)
    return pipeline.built(paths, target)


def prove(
    paths: Workspace, target: Target, environ: Mapping[str, str], means: Means, rounds: int
) -> Verdict:
    """Return the verdict on the built *target*, tried where *means* says.

    A container has only what the image has. Raises HostError, SmokeError.
    """
    if _place(target, means) == "remote":
        message = f"artifacts for {target.platform.name} do not run on {host().name}."
        hint = f"try it on a {target.platform.name} machine, or let GitHub's freeze.yml do it"
        raise HostError(message, hint=hint)
    box = _box(paths, target, environ, means)
    if not box:
        return pipeline.prove(paths, target, environ, rounds=rounds)
    pipeline.built(paths, target)
    server = profile_file.load(paths, target).model_server
    if server and server.smoke:
        other = Target(paths.require_product(server.smoke), target.platform)
        container.build(replace(box, target=other), clean=False, debug=False, network=False)
    return container.smoke(box, rounds)


def build_wheels(
    paths: Workspace, target: Target, environ: Mapping[str, str], python: str, name: str
) -> tuple[Wheel, ...]:
    """Return the native wheels that *target* needs for *python*, those that lack built now.

    Linux wheels are built in containers, by the engine *name* if there are several.
    Raises HostError, LockError, BuildError.
    """
    from frostline.hosts import cibuildwheel as wheels  # noqa: PLC0415  # reading native files costs 0.3 s of every start

    platform, loaded = target.platform, profile_file.load(paths, target)
    recipe = policy.load(paths).image
    jobs = wheelhouse.wanted(paths, target, loaded, recipe, python)
    missing = [job for job in jobs if not wheelhouse.look(paths, job)]
    found = None
    if missing and platform.oci:
        found = _engine(paths, environ, name)
        engine.require_machine(platform)
    elif missing:
        platforms.require_host(platform)
    for job in missing:
        wheels.build(paths, job, recipe, found, environ)
    return wheelhouse.kept(paths, jobs)


def make_image(
    paths: Workspace, platform: Platform, environ: Mapping[str, str], name: str, *, debian: bool
) -> str:
    """Return the image of *platform*, made by the engine *name* if it is not there yet."""
    places.choose(platform, "container", promised=True)
    found = _engine(paths, environ, name)
    return image.make(found, platform, policy.load(paths).image, debian=debian)


def _box(paths: Workspace, target: Target, environ: Mapping[str, str], means: Means) -> Box | None:
    """Return the container that *target* is to be built or tried in, None for this machine."""
    platform = target.platform
    if _place(target, means) != "container":
        return None
    recipe = policy.load(paths).image
    try:
        found = _engine(paths, environ, means.engine)
    except HostError as error:
        if means.where != "auto" or means.engine or platform != host():
            raise
        log.warning(f"this machine is newer than {platform.minimum}, and so is what it makes:")
        log.warning(error.message)
        return None
    engine.require_machine(platform)
    name = image.find(found, platform, recipe)
    name = name or image.make(found, platform, recipe, debian=False)
    return Box(paths, target, found, name, recipe.python)


def _repository(paths: Workspace, platform: Platform, environ: Mapping[str, str]) -> "Repository":
    from frostline.release import github  # noqa: PLC0415  # as above

    try:
        return github.find(paths.root, environ, paths.build / "log" / "git.log")
    except (UsageError, HostError) as error:
        message = (
            f"{platform.name} cannot be built on {host().name}: PyInstaller does not cross-compile."
            f" GitHub's machines could build it, but {error.message}"
        )
        elsewhere = f"or on a {platform.name} machine: invoke build --platform {platform.name}"
        raise HostError(message, hint=f"{error.hint}; {elsewhere}") from error


def _place(target: Target, means: Means) -> Place:
    return places.choose(target.platform, means.where, promised=means.promised)


def _engine(paths: Workspace, environ: Mapping[str, str], name: str) -> engine.Engine:
    return engine.find(environ, paths.build / "log" / "engine.log", name)
