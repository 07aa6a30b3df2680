"""Runs the steps in their order, for one product on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from frostline.core import log, workspace
from frostline.core.command import Environ
from frostline.core.errors import UsageError
from frostline.core.platforms import PLATFORMS, host, require_host
from frostline.core.workspace import Workspace
from frostline.freeze.bundle import Bundle, require_bundle
from frostline.freeze.inputs import find_current, inputs_digest
from frostline.freeze.plan import Plan, collect
from frostline.freeze.pyinstaller import freeze
from frostline.infer.opening import open_build
from frostline.launch import evidence, preflight
from frostline.launch.evidence import Fact
from frostline.launch.trace import trace
from frostline.profile import resources
from frostline.profile.build import Build
from frostline.profile.reading import require_for
from frostline.profile.services import Probe
from frostline.release import listing
from frostline.smoke.parity import ParityReport, parity
from frostline.smoke.verdict import SmokeTarget, Verdict, smoke
from frostline.source import environment, fetch, freezer, metadata, wheel
from frostline.source.product import lay_out, product_environment
from frostline.source.stage import build_stage


def build_bundle(build: Build, *, clean: bool = False, debug: bool = False) -> Bundle:
    """Build the bundle of *build* and return it; with *clean*, remove earlier results first.

    Raises BusyError, HostError, LockError, BuildError, FetchError, UsageError.
    """
    require_host(build.platform)
    require_for(build.profile, build.target)
    with build.exclusively():
        if clean:
            workspace.remove(build.work)
            workspace.remove(build.bundle)
        inputs = inputs_digest(build, debug=debug)
        product = product_environment(build)
        with log.step(f"laying out {build.name}"):
            stage = build_stage(build, product, resources.wanted(build))
            plan = collect(build, stage, debug=debug)
        probes = preflight.check(build, stage)
        if probes:
            build = with_startup(build, probes)
            plan = collect(build, stage, debug=debug)
        return freeze(build, plan, stage, inputs=inputs)


def with_startup(build: Build, probes: Mapping[str, Probe]) -> Build:
    """Return *build*, whose services have the startup *probes* that were found."""
    services = tuple(
        service.model_copy(update={"startup": probes.get(service.name, service.startup)})
        for service in build.profile.services
    )
    for name, probe in probes.items():
        place = f"answers at {probe.path}" if probe.kind == "http" else "listens on its port"
        log.note(f"{build.product}: {name} is up when it {place}")
    return replace(build, profile=build.profile.model_copy(update={"services": services}))


@dataclass(frozen=True)
class Preparation:
    """What was fetched for a build: its environment's interpreter and the files of resources."""

    environment: Path
    files: tuple[Path, ...]


def prepare(build: Build) -> Preparation:
    """Fetch everything that *build* needs, so that the build needs no network."""
    require_host(build.platform)
    with build.exclusively():
        made = product_environment(build)
        freezer.create(build.environ, build.log("environment"))
        if metadata.has_backend(build.root / build.profile.source):
            wheel.build_wheel(build)  # compilers fetch, too
        for step in build.profile.before:
            if step.requirements:
                environment.of_tools(build, step.requirements)
        wanted = resources.wanted(build)
        files = fetch.fetch(build.workspace, [item for item in wanted if item.when == "build"])
    return Preparation(made.python, tuple(files.values()))


def plan(build: Build) -> Plan:
    """Return the plan of *build* without freezing it."""
    require_host(build.platform)
    with build.exclusively():
        return collect(build, lay_out(build))


@dataclass(frozen=True)
class Recorded:
    """The evidence in *file*: the facts *before* a traced run, and *now*."""

    file: Path
    before: tuple[Fact, ...]
    now: tuple[Fact, ...]


def record_evidence(build: Build, *, keep: bool = False) -> Recorded:
    """Trace the product from source and write its evidence.

    With *keep*, facts of earlier runs are kept even if this run does not show them.
    """
    build = with_model_server(build)
    with build.exclusively():
        stage = lay_out(build)
        collect(build, stage)  # writes the manifest, which the source needs to run
        before = evidence.load(build) or ()
        now = evidence.merge(before, trace(build, stage), build.platform.name, keep=keep)
        evidence.write(build, now)
        return Recorded(build.workspace.evidence(build.product), before, now)


def prove(build: Build, *, rounds: int = 1) -> Verdict:
    """Smoke-test the bundle of *build* and return the verdict; build its model server if needed."""
    bundle = require_bundle(build)
    target = SmokeTarget(with_model_server(build), bundle.inputs, bundle.size)
    return smoke(target, rounds)


def compare(build: Build) -> ParityReport:
    """Return what comparing the artifact of *build* with its source has found."""
    require_bundle(build)
    return parity(with_model_server(build))


def prove_archive(
    workspace: Workspace, file: Path, environ: Environ, *,
    product: str, model_server: Path | None, rounds: int,
) -> Verdict:  # fmt: skip
    """Smoke-test the archive *file*, or the archive of *product* in the folder *file*.

    *product* may be "" if there is only one. Raises UsageError if *file* is of another product.
    """
    file = listing.choose(file, host(), product) if file.is_dir() else file
    made = listing.find(file)
    if product and made.product != product:
        message = f"{file.name} is an archive of {made.product}, not of {product}."
        raise UsageError(message, hint="leave out --product")
    platform = PLATFORMS[made.platform]
    require_host(platform)
    build = open_build(
        workspace, made.product, platform, environ, layout=made.layout, model_server=model_server
    )
    target = SmokeTarget(with_model_server(build), made.inputs, made.size, file)
    return smoke(target, rounds)


def with_model_server(build: Build) -> Build:
    """Return *build* with a model server: its own, or the product that its profile names."""
    server = build.profile.model_server
    if build.model_server or not (server and server.variable and server.smoke):
        return build
    other = open_build(build.workspace, server.smoke, build.platform, build.environ)
    if not find_current(other, debug=False):
        build_bundle(other)
    return replace(build, model_server=other.executable)
