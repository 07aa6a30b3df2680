"""The whole program on one screen: the calls in order and nothing else."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from frostline.audit import missing_modules as ratchet
from frostline.audit import sarif
from frostline.audit.findings import Finding
from frostline.core import digest, log, platforms, workspace
from frostline.core import own_files as resources
from frostline.core.archive import Kind
from frostline.core.errors import BusyError, SmokeError, UsageError
from frostline.core.platforms import PLATFORMS, host
from frostline.core.workspace import Target, Workspace
from frostline.freeze import bundle, contents, prune
from frostline.freeze import plan as collect
from frostline.freeze import prune_venv as venv
from frostline.freeze import pyinstaller as freeze
from frostline.freeze.bundle import Bundle
from frostline.freeze.plan import Plan
from frostline.freeze.prune import Candidate
from frostline.launch import evidence, preflight
from frostline.launch import trace as tracing
from frostline.launch.evidence import Fact
from frostline.profile import policy
from frostline.profile import reading as profile_file
from frostline.profile import resources as pins
from frostline.profile.profile import Profile
from frostline.profile.resources import Pin
from frostline.profile.table import Layout
from frostline.release import package, shells
from frostline.release.package import Artifact
from frostline.release.shells import Export
from frostline.smoke import parity
from frostline.smoke import verdict as smoke
from frostline.smoke.verdict import Subject, Verdict
from frostline.source import distributions, environment, fetch, stage, wheelhouse
from frostline.source.environment import ProductEnvironment, Wheel
from frostline.source.stage import Stage

if TYPE_CHECKING:
    from frostline.audit.audit import Audit
    from frostline.audit.explain import Why
    from frostline.release.sign import Step

Environ = Mapping[str, str]


def build(
    paths: Workspace, target: Target, environ: Environ, *, clean: bool = False, debug: bool = False
) -> Bundle:
    """Return the bundle of *target*, built only if something it is made of has changed."""
    platforms.require_host(target.platform)
    loaded = profile_file.load(paths, target)
    require_for(loaded, target)
    with exclusively(paths, target):
        if clean:
            workspace.remove(paths.work(target))
            workspace.remove(paths.output(target))
        fetched = wanted_pins(paths, target, loaded)
        inputs = inputs_digest(paths, target, loaded, fetched, debug=debug)
        finished = bundle.load(paths, target)
        if finished and finished.inputs == inputs:
            log.done(f"{target.name} is up to date: {finished.executable}")
            return finished
        product = product_environment(paths, target, loaded, environ)
        with log.step(f"laying out {target.name}"):
            staged = stage.build_stage(paths, target, loaded, product, environ, fetched)
            plan = collect.collect(paths, target, loaded, product, staged, debug=debug)
        for field in plan.not_acted_on:
            log.warning(f"{target.product}: {field} is set, and not acted on in this version")
        preflight.check(paths, target, loaded, product, staged, environ)
        return freeze.freeze(paths, target, plan, product, inputs=inputs, environ=environ)


def is_for(loaded: Profile, target: Target) -> bool:
    """Tell whether the product of *target* is built for its platform."""
    return not loaded.platforms or target.platform.name in loaded.platforms


def require_for(loaded: Profile, target: Target) -> None:
    """Raise UsageError if the product of *target* is not built for its platform."""
    if not is_for(loaded, target):
        message = f"{target.product} is not built for {target.platform.name}."
        raise UsageError(message, hint=f"its profile says: {', '.join(loaded.platforms)}")


def prepare(paths: Workspace, target: Target, environ: Environ) -> None:
    """Fetch all that a build of *target* needs: after this it needs no network."""
    loaded = profile_file.load(paths, target)
    with exclusively(paths, target):
        product_environment(paths, target, loaded, environ)
        for step in loaded.before:
            if step.requirements:
                lock, logged = paths.root / step.requirements, paths.log(target, "environment")
                name = f"{target.product}-tools"
                environment.create(paths, name, lock, environ=environ, log_file=logged)
        pinned = wanted_pins(paths, target, loaded)
        fetch.fetch(paths, [pin for pin in pinned if pin.when == "build"])


def plan(paths: Workspace, target: Target, environ: Environ) -> Plan:
    """Return what a build of *target* would hold, without freezing it."""
    loaded = profile_file.load(paths, target)
    with exclusively(paths, target):
        product, staged = laid_out(paths, target, loaded, environ)
        return collect.collect(paths, target, loaded, product, staged, debug=False)


def trace(
    paths: Workspace, target: Target, environ: Environ, *, keep: bool = False
) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """Run *target* from source and write down what it uses; return the facts before and now.

    With *keep*, what this run does not show stays.
    """
    loaded = profile_file.load(paths, target)
    environ = served(paths, target, loaded, environ, None)
    with exclusively(paths, target):
        product, staged = laid_out(paths, target, loaded, environ)
        collect.collect(paths, target, loaded, product, staged, debug=False)
        before = evidence.load(paths, target.product) or ()
        shown = tracing.trace(paths, target, loaded, product, staged, environ)
        now = evidence.merge(before, shown, target.platform.name, keep=keep)
        evidence.write(paths, target.product, now)
        return before, now


def prove(
    paths: Workspace, target: Target, environ: Environ, *, model_server: Path | None = None,
    rounds: int = 1,
) -> Verdict:  # fmt: skip
    """Return the verdict on the built *target*; its model server is built if need be."""
    loaded = profile_file.load(paths, target)
    bundle = built(paths, target)
    environ = served(paths, target, loaded, environ, model_server)
    subject = Subject(paths, target, loaded, environ)
    return smoke.smoke(subject, bundle.inputs, bundle.size, rounds)


def prove_archive(
    paths: Workspace, file: Path, environ: Environ, *, model_server: Path | None, rounds: int
) -> Verdict:
    """Return the verdict on an archive that `package` has made, on a machine with nothing else."""
    file = package.choose(file, host()) if file.is_dir() else file
    made = package.find(file)
    layout: Layout = "onefile" if made.layout == "onefile" else "onedir"
    target = Target(paths.require_product(made.product), PLATFORMS[made.platform], layout)
    platforms.require_host(target.platform)
    loaded = profile_file.load(paths, target)
    environ = served(paths, target, loaded, environ, model_server)
    subject = Subject(paths, target, loaded, environ, file)
    return smoke.smoke(subject, made.inputs, made.size, rounds)


def compare(paths: Workspace, target: Target, environ: Environ) -> tuple[Finding, ...]:
    """Return what the built *target* does otherwise than the product does from source."""
    loaded = profile_file.load(paths, target)
    bundle = built(paths, target)
    environ = served(paths, target, loaded, environ, None)
    subject = Subject(paths, target, loaded, environ)
    with exclusively(paths, target), log.step(f"comparing {target.name} with its source") as step:
        product, staged = laid_out(paths, target, loaded, environ)
        collect.collect(paths, target, loaded, product, staged, debug=False)
        variables = environment.of_source(staged.folder)
        source = smoke.attempt_from_source(subject, step, product.python, variables)
        artifact = smoke.attempt(subject, step, prefix="artifact: ", lives=False)
        found = parity.compare(source, artifact)
        step.ok = not found
    report = {"product": bundle.product, "inputs": bundle.inputs, "findings": [*map(asdict, found)]}
    workspace.write(paths.report(target, "parity"), json.dumps(report, indent=2) + "\n")
    return found


def served(
    paths: Workspace, target: Target, loaded: Profile, environ: Environ, server: Path | None
) -> Environ:
    """Return *environ* with a model server for *target*: *server*, or one that is built."""
    if not (loaded.model_server and loaded.model_server.variable):
        return environ
    if not server and loaded.model_server.smoke:
        other = Target(paths.require_product(loaded.model_server.smoke), target.platform)
        build(paths, other, environ)
        server = paths.executable(other)
    return {**environ, loaded.model_server.variable: str(server or "")}


def product_environment(
    paths: Workspace, target: Target, loaded: Profile, environ: Environ
) -> ProductEnvironment:
    """Return the environment that *target* is frozen from, native wheels out of the wheelhouse.

    Raises HostError, LockError, CommandError.
    """
    lock, log_file = paths.root / loaded.requirements, paths.log(target, "environment")
    made = built_wheels(paths, target, loaded)
    return environment.create(
        paths, target.product, lock, environ=environ, log_file=log_file, wheels=made
    )


def built_wheels(paths: Workspace, target: Target, loaded: Profile) -> tuple[Wheel, ...]:
    """Return the wheels of native packages that *target* needs. Raises HostError, LockError."""
    if not loaded.wheels:
        return ()

    return wheelhouse.kept(
        paths, wheelhouse.wanted(paths, target, loaded, policy.load(paths).image)
    )


def laid_out(
    paths: Workspace, target: Target, loaded: Profile, environ: Environ
) -> tuple[ProductEnvironment, Stage]:
    """Return the environment of *target*, and what it is made of, laid out."""
    product = product_environment(paths, target, loaded, environ)
    fetched = wanted_pins(paths, target, loaded)
    return product, stage.build_stage(paths, target, loaded, product, environ, fetched)


def prunable(
    paths: Workspace, target: Target, environ: Environ, folder: Path | None
) -> tuple[Candidate, ...]:
    """Return what may go of the environment in *folder*, or of what *target* is frozen from."""
    facts = evidence.applying(evidence.load(paths, target.product) or (), target.platform)
    if folder:
        return venv.look(venv.find(folder.absolute()), facts)
    loaded = profile_file.load(paths, target)
    with exclusively(paths, target):
        product = product_environment(paths, target, loaded, environ)
    return prune.choose(
        distributions.installed(product.site_packages), product.site_packages, facts
    )


def audit_built(paths: Workspace, target: Target, *, accept: bool = False) -> "Audit":
    """Return what is found in the built *target*; *accept* what PyInstaller did not find.

    Raises SmokeError if it was not built.
    """
    from frostline.audit import audit  # noqa: PLC0415  # reading native files costs 0.3 s of every start

    loaded = profile_file.load(paths, target)
    with exclusively(paths, target):
        bundle = built(paths, target)
        if accept:
            new = ratchet.accept(paths, target, bundle)
            log.done(f"{new} modules more may be missing: {paths.warnings(target.product)}")
        with log.step(f"auditing {target.name}"):
            return audit.audit(paths, target, loaded, policy.load(paths), bundle)


def explained(paths: Workspace, target: Target, name: str) -> "Why":
    """Return why the module or file *name* is in the built *target*.

    Raises SmokeError if it was not built, UsageError if *name* is not in it.
    """
    from frostline.audit import explain  # noqa: PLC0415  # as above

    loaded, bundle = profile_file.load(paths, target), built(paths, target)
    facts = evidence.applying(evidence.load(paths, target.product) or (), target.platform)
    graph = explain.read_graph(paths.work(target) / "pyinstaller")
    items = [*contents.walk(paths.output(target))]
    plan = collect.load(paths, target)
    return explain.why(name, explain.Known(graph, items, bundle, plan, loaded, facts))


def sizes(paths: Workspace, target: Target) -> dict[str, dict[str, int]]:
    """Return what fills the built *target*: bytes by owner and file, what is in archives too."""
    bundle, found = built(paths, target), dict[str, dict[str, int]]()
    items = [*contents.walk(paths.output(target))]
    archives = {item.name.rpartition("!")[0] for item in items}
    for item in items:
        if item.name not in archives and not item.link:
            base = "base_library.zip" in item.name or "/lib-dynload/" in item.name
            place = (item.name.partition("!")[2] or item.name).removeprefix("_internal/")
            owner = bundle.owners.get(place, "python" if base else "product")
            found.setdefault(owner, {})[place] = item.size
    return found


def bill(paths: Workspace, target: Target) -> tuple[Path, Path]:
    """Write the bill of materials and the licences of the built *target*.

    Raises SmokeError if it was not built.
    """
    from frostline.release import sbom  # noqa: PLC0415  # as above

    loaded = profile_file.load(paths, target)
    with exclusively(paths, target):
        bundle = built(paths, target)
        return sbom.write(paths, target, bundle, wanted_pins(paths, target, loaded))


def ship(
    paths: Workspace, target: Target, kind: Kind | None, *, unproven: bool = False
) -> Artifact:
    """Return the archive of the built *target*, of the platform's *kind* if none is given."""
    bundle = built(paths, target)
    bill(paths, target)
    with exclusively(paths, target), log.step(f"packing {target.name}"):
        return package.package(
            paths, target, bundle, kind or target.platform.archive, unproven=unproven
        )


def signing_plan(
    paths: Workspace, target: Target, archive: Path | None, tool: str
) -> "tuple[Step, ...]":
    """Return the steps that sign the built *target*, or its *archive*.

    Raises UsageError for what its profile does not say, SmokeError if it was not built.
    """
    from frostline.release import sign  # noqa: PLC0415  # as above

    loaded = profile_file.load(paths, target)
    if archive:
        package.find(archive)
        return sign.plan_archive(archive, loaded.signing)
    return sign.plan(paths, target, built(paths, target), loaded, tool)


def signed(
    paths: Workspace, target: Target, steps: "tuple[Step, ...]", archive: Path | None,
    environ: Environ,
) -> None:  # fmt: skip
    """Run the *steps* of `signing_plan`. Raises HostError, BuildError."""
    from frostline.release import sign  # noqa: PLC0415  # as above

    with exclusively(paths, target):
        if not archive:
            sign.sign(paths, target, built(paths, target), steps, environ)
            return
        sign.run(paths, target, steps, environ)
        if archive.parent == paths.release:
            package.add(paths)


def for_shell(paths: Workspace, target: Target, shell: shells.Shell) -> Export:
    """Return the built *target* laid out for a desktop *shell*."""
    bundle = built(paths, target)
    with exclusively(paths, target), log.step(f"exporting {target.name} for {shell}"):
        return shells.export(paths, target, bundle, shell)


def built(paths: Workspace, target: Target) -> Bundle:
    """Return the bundle of *target*. Raises SmokeError if it was not built."""
    bundle = bundle.load(paths, target)
    if not bundle:
        message = f"there is no intact bundle of {target.name}."
        raise SmokeError(message, hint=f"build it: invoke build --product {target.product}")
    return bundle


def sarif(found: "Audit") -> str:
    """Return *found* as SARIF."""

    return json.dumps(sarif.sarif(found), indent=2) + "\n"


def wanted_pins(paths: Workspace, target: Target, loaded: Profile) -> tuple[Pin, ...]:
    """Return what *target* fetches. Raises ProfileError, UsageError."""
    if not loaded.resources:
        return ()
    chosen = pins.chosen(pins.load(paths), loaded.resources, target.platform)
    pins.require_places(loaded, chosen)
    return chosen


def inputs_digest(
    paths: Workspace, target: Target, loaded: Profile, fetched: tuple[Pin, ...], *, debug: bool
) -> str:
    """Return the digest of everything that decides what the bundle of *target* holds."""
    named = [loaded.source, loaded.requirements, *loaded.hooks, *loaded.runtime_hooks]
    named += [table.source for table in loaded.data]
    named += [item for step in loaded.before for item in (*step.inputs, step.requirements)]
    places = [paths.root / name for name in named if name and "{work}" not in name]
    own = (resources.data("hooks"), resources.data("specs", "backend.spec"))
    places += [*own, resources.runtime_package(), resources.build_package()]
    places += [path for path in [paths.evidence(target.product)] if path.is_file()]
    values = {wheel.name: wheel.sha256 for wheel in built_wheels(paths, target, loaded)} | {
        "profile": loaded.model_dump_json(),
        "target": target.name,
        "resources": "\n".join(pin.model_dump_json() for pin in fetched),
        "debug": str(debug),
        "interpreter": f"{sys.version} {environment.base_executable()}",
    }
    for place in dict.fromkeys(places):
        found = digest.of_tree(place) if place.is_dir() else {"": digest.of_file(place)}
        values |= {f"{place}/{name}": value for name, value in found.items()}
    return digest.of_values(values)


@contextmanager
def exclusively(paths: Workspace, target: Target) -> Iterator[None]:
    """Hold the lock of *target* during the block. Raises BusyError at once if another does."""
    path = paths.lock(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        message = f"another build of {target.name} is running in this project."
        hint = f"wait for it, or end it; it holds {path}"
        raise BusyError(message, hint=hint) from None
