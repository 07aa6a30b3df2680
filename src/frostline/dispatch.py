"""Builds and smoke-tests a product on the host, in a container or on GitHub.

Most imports are in functions: an unchanged build needs few of them and saves 0.15 s.
"""

import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from frostline.core import json_file, log
from frostline.core.command import Environ
from frostline.core.errors import HostError, UsageError
from frostline.core.platforms import Platform, host, require_host
from frostline.core.workspace import Workspace
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.freeze.inputs import find_current
from frostline.hosts import choice
from frostline.hosts.choice import Place, Where
from frostline.infer.opening import open_build
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.reading import require_for
from frostline.source import availability

if TYPE_CHECKING:
    from frostline.audit.audit import AuditResult
    from frostline.hosts.container import Container
    from frostline.hosts.engine import Engine
    from frostline.release.github import Repository
    from frostline.smoke.parity import ParityReport
    from frostline.smoke.verdict import Verdict
    from frostline.source.environment import Wheel


class Report(Protocol):
    """What the reports of all checks have: the inputs of the bundle, and whether it is good."""

    @property
    def inputs(self) -> str:
        """Return the digest of the bundle's inputs."""

    @property
    def ok(self) -> bool:
        """Return whether the bundle is good."""


R = TypeVar("R", bound=Report)


@dataclass(frozen=True)
class BuildOptions:
    """Where a build is made.

    *promised*: the user named the platform, so the artifact must run on its minimum system.
    *engine*: podman or docker (default: the first that works). *run*: a run on GitHub to resume.
    """

    where: Where = "auto"
    promised: bool = False
    engine: str = ""
    run: int = 0


def build(
    build: Build, options: BuildOptions, *, clean: bool = False, debug: bool = False
) -> Bundle:
    """Build *build* where *options* say; return the bundle. Raises HostError, BuildError."""
    require_for(build.profile, build.target)
    availability.require(build, sysconfig.get_python_version())
    if options.run or _place(build, options) == "remote":
        _refuse({"--clean": clean, "--debug": debug, "--engine": options.engine}, "on GitHub")
        return _build_remotely(build, options.run)
    machine = _container(build, options)
    if machine:
        from frostline.hosts import container

        network = any(step.network for step in build.profile.before)
        container.build(machine, clean=clean, debug=debug, network=network)
        return require_bundle(build)
    current = None if clean else find_current(build, debug=debug)
    if current:
        return current
    from frostline import pipeline

    return pipeline.build_bundle(build, clean=clean, debug=debug)


def prove(build: Build, options: BuildOptions, rounds: int) -> "Verdict":
    """Smoke-test the bundle of *build* where *options* say; return the verdict.

    Raises NotBuiltError, HostError, SmokeError.
    """
    from frostline import pipeline
    from frostline.hosts import container

    if _place(build, options) == "remote":
        name = build.platform.name
        message = f"artifacts for {name} do not run on {host().name}."
        hint = f"smoke-test it on a {name} machine, or with the workflow freeze.yml on GitHub"
        raise HostError(message, hint=hint)
    machine = _container(build, options)
    if not machine:
        return pipeline.prove(build, rounds=rounds)
    require_bundle(build)
    server = build.profile.model_server
    if server and server.smoke:
        other = open_build(build.workspace, server.smoke, build.platform, build.environ)
        container.build(replace(machine, build=other), clean=False, debug=False, network=False)
    return container.smoke(machine, rounds)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A bundle and the reports of its checks; None if a check has run nowhere.

    *asked*: there is a service or command that the smoke test can ask; else nothing is proven.
    """

    bundle: Bundle
    asked: bool
    audit: "AuditResult"
    smoke: "Verdict | None"
    parity: "ParityReport | None"

    @property
    def ok(self) -> bool:
        """Return whether something was asked, and every check has run and was good."""
        reports = (self.audit, self.smoke, self.parity)
        return self.asked and all(report and report.ok for report in reports)


def build_and_prove(
    build_: Build, options: BuildOptions, *, clean: bool = False, debug: bool = False
) -> Proof:
    """Build *build_* where *options* say, and check the bundle there; return the proof.

    Good reports about the same bundle are not made again. Raises as `build` and `prove`.
    """
    from frostline.audit import audit
    from frostline.audit.audit import AuditResult
    from frostline.smoke.parity import ParityReport
    from frostline.smoke.verdict import Verdict

    bundle = build(build_, options, clean=clean, debug=debug)
    known_audit = _good_report(build_, bundle, "audit", AuditResult)
    smoke = _good_report(build_, bundle, "smoke", Verdict)
    parity = _good_report(build_, bundle, "parity", ParityReport)
    if _place(build_, options) != "remote":
        smoke = smoke or prove(build_, options, 1)
        parity = parity or compare(build_, options)
    return Proof(
        bundle=bundle, asked=bool(build_.profile.services or build_.profile.smoke.commands),
        audit=known_audit or audit.audit(build_), smoke=smoke, parity=parity
    )  # fmt: skip


def _good_report(build: Build, bundle: Bundle, name: str, kind: type[R]) -> R | None:
    """Return the report *name* about *bundle*, or None if there is none or it is not good."""
    try:
        report = json_file.read(build.report(name), kind)
    except (OSError, ValueError):
        return None
    return report if report.inputs == bundle.inputs and report.ok else None


def compare(build: Build, options: BuildOptions) -> "ParityReport":
    """Compare the bundle of *build* with its source where *options* say; return the report.

    Raises NotBuiltError, HostError, BuildError.
    """
    from frostline import pipeline
    from frostline.hosts import container

    machine = _container(build, options)
    return container.parity(machine) if machine else pipeline.compare(build)


def build_wheels(build: Build, python: str, engine_name: str) -> "tuple[Wheel, ...]":
    """Return the native wheels that the product needs for *python*; build the missing ones.

    Linux wheels are built in containers of the engine *engine_name* (default: the one that works).
    Raises HostError, LockError, BuildError.
    """
    from frostline.core import cache
    from frostline.hosts import engine
    from frostline.source import wheelhouse

    recipe = policy.load(build.workspace).image
    requests = wheelhouse.requested(build, recipe, python)
    place = cache.find(build.environ)
    missing = [item for item in requests if not wheelhouse.look(place, item)]
    if missing:
        from frostline.hosts import cibuildwheel

        found = None
        if build.platform.oci:
            found = _engine(build.workspace, build.environ, engine_name)
            engine.require_machine(build.platform)
        else:
            require_host(build.platform)
        for request in missing:
            cibuildwheel.build(build, request, recipe, found)
    return wheelhouse.kept(place, requests)


def make_image(
    workspace: Workspace, platform: Platform, environ: Environ, engine_name: str, *, debian: bool
) -> str:
    """Return the image of *platform*; make it with the engine *engine_name* if it is missing."""
    from frostline.hosts import image

    choice.choose(platform, "container", promised=True)
    found = _engine(workspace, environ, engine_name)
    return image.make(found, platform, policy.load(workspace).image, debian=debian)


def _refuse(flags: Mapping[str, object], place: str) -> None:
    """Raise UsageError if one of *flags*, which have no effect at *place*, is given."""
    for flag, value in flags.items():
        if value:
            message = f"{flag} has no effect: this runs {place}."
            raise UsageError(message, hint=f"leave {flag} out, or choose another --where")


def _build_remotely(build: Build, run: int) -> Bundle:
    from frostline.hosts import remote

    if build.layout != build.profile.layout:
        message = f"GitHub builds the profile's layout, {build.profile.layout}."
        raise UsageError(message, hint="leave --layout out, or change the profile")
    repository = _repository(build)
    with build.exclusively():
        return remote.build_remotely(build, repository, run)


def _container(build: Build, options: BuildOptions) -> "Container | None":
    """Return the container for *build*, or None if this machine builds it."""
    platform = build.platform
    if _place(build, options) != "container":
        _refuse({"--engine": options.engine}, "on this machine")
        return None
    from frostline.hosts import engine, image
    from frostline.hosts.container import Container

    recipe = policy.load(build.workspace).image
    try:
        found = _engine(build.workspace, build.environ, options.engine)
    except HostError as error:
        if options.where != "auto" or options.engine or platform != host():
            raise
        log.warning(f"the artifact may need a newer system than {platform.minimum}:")
        log.warning(error.message)
        return None
    engine.require_machine(platform)
    name = image.find(found, platform, recipe)
    name = name or image.make(found, platform, recipe, debian=False)
    return Container(build, found, name, recipe.python)


def _repository(build: Build) -> "Repository":
    from frostline.release import github

    build.workspace.claim()
    try:
        return github.find(build.root, build.environ, build.workspace.build / "log" / "git.log")
    except (UsageError, HostError) as error:
        name = build.platform.name
        message = f"GitHub's machines cannot be asked to build {name}: {error.message}"
        if build.platform != host():
            message = (
                f"{name} cannot be built on {host().name}: PyInstaller does not cross-compile."
                f" GitHub's machines could build it, but {error.message}"
            )
        elsewhere = f"or run `frostline build --product {build.product}` on a {name} machine"
        raise HostError(message, hint=f"{error.hint}; {elsewhere}") from error


def _place(build: Build, options: BuildOptions) -> Place:
    return choice.choose(build.platform, options.where, promised=options.promised)


def _engine(workspace: Workspace, environ: Environ, name: str) -> "Engine":
    from frostline.hosts import engine

    workspace.claim()
    return engine.find(environ, workspace.build / "log" / "engine.log", name)
