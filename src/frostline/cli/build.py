"""The verbs that build: build, lock, prepare, plan, wheels, image, clean."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.cli import reports, results, summary
from frostline.cli.flags import here, open_build, refuse_beside
from frostline.cli.verb import verb
from frostline.core import workspace
from frostline.core.errors import SmokeError, UsageError
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Layout
from frostline.hosts.choice import Where

if TYPE_CHECKING:
    from frostline.core.cache import Entry
    from frostline.dispatch import Proof
    from frostline.freeze.bundle import Bundle
    from frostline.freeze.plan import Plan
    from frostline.pipeline import Preparation
    from frostline.source.environment import Wheel
    from frostline.source.locks import Written


def _code(found: "Bundle | Proof") -> int:
    good = not hasattr(found, "ok") or found.ok  # a bundle alone has not been judged
    return 0 if good else SmokeError.exit_code


@verb("Build", show=reports.built, as_json=reports.built_json, code=_code)
def build(
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
    where: Where = "auto",
    engine: str = "",
    run: int = 0,
    *,
    clean: bool = False,
    debug: bool = False,
    freeze_only: bool = False,
) -> "Bundle | Proof":
    """Freeze a product and prove it: audit, smoke test, comparison with its source.

    Exit code 5 if it is not good. What has not changed is not done again; --freeze-only freezes
    and checks nothing.

    Without --platform the product is built for this machine. With --platform it must run on the
    platform's minimum system: it is built in a container (Linux) or on GitHub (other systems) if
    this machine cannot build it.

    Examples: frostline build
              frostline build --freeze-only
              frostline build --product argo --layout onefile --clean
              frostline build --product argo --platform linux_arm64
              frostline build --product argo --platform darwin_arm64
              frostline build --product argo --platform linux_x86_64 --where host
    """
    from frostline import dispatch

    options = dispatch.BuildOptions(where, promised=platform is not None, engine=engine, run=run)
    chosen = open_build(product, platform, layout)
    results.inferred(chosen)
    if freeze_only:
        return dispatch.build(chosen, options, clean=clean, debug=debug)
    proof = dispatch.build_and_prove(chosen, options, clean=clean, debug=debug)
    summary.append(proof, os.environ)
    return proof


@verb("Build", show=results.locked, as_json=results.locked_json)
def lock(product: str = "", *, dry_run: bool = False, upgrade: bool = False) -> "Written":
    """Resolve what a product needs and write frostline.lock, for a project without a lock.

    Builds read uv.lock, poetry.lock, pdm.lock, pylock.toml and hashed requirements as they are.
    Versions in frostline.lock stay unless they must change; --upgrade takes the newest.

    Examples: frostline lock
              frostline lock --upgrade --dry-run
    """
    from frostline.source import locks

    return locks.lock(open_build(product), upgrade=upgrade, dry_run=dry_run)


@verb("Build", show=results.prepared)
def prepare(
    product: str = "", platform: Platform | None = None, layout: Layout | None = None
) -> "Preparation":
    """Fetch everything that a build needs, so that it works without a network.

    Example: frostline prepare --product argo
    """
    from frostline import pipeline

    return pipeline.prepare(open_build(product, platform, layout))


@verb("Build", show=results.plan)
def plan(
    product: str = "", platform: Platform | None = None, layout: Layout | None = None
) -> "Plan":
    """Show what a bundle would contain, without freezing it.

    Example: frostline plan --product argo --json
    """
    from frostline import pipeline

    chosen = open_build(product, platform, layout)
    results.inferred(chosen)
    return pipeline.plan(chosen)


@verb("Build", show=results.wheels)
def wheels(
    product: str = "", platform: Platform | None = None, python: str = "", engine: str = ""
) -> "tuple[Wheel, ...]":
    """Build the native wheels of a product that the index has only as source.

    Examples: frostline wheels --product argo
              frostline wheels --product argo --platform linux_arm64 --python 3.11
    """
    from frostline import dispatch

    return dispatch.build_wheels(open_build(product, platform), python, engine)


@verb("Build", show=results.line)
def image(platform: Platform | None = None, engine: str = "", *, debian: bool = False) -> str:
    """Make the container image that a Linux platform is frozen in, if it is missing.

    Builds make it from a registry when they need it. --debian makes it from Debian packages, for
    networks without a registry.

    Examples: frostline image --platform linux_arm64
              frostline image --platform linux_x86_64 --debian
    """
    from frostline import dispatch

    return dispatch.make_image(here(), platform or host(), os.environ, engine, debian=debian)


@verb("Build", show=results.removed)
def clean(
    product: str = "", days: int = 0, *, cache: bool = False
) -> "tuple[Path, ...] | tuple[Entry, ...]":
    """Remove what builds of one product, or of all, made; keep downloads, environments and wheels.

    --cache removes the environments and native wheels that all projects of this user share.
    Entries that a running build uses stay.

    Examples: frostline clean
              frostline clean --product argo
              frostline clean --cache
              frostline clean --cache --days 30
    """
    if cache:
        from frostline.core import cache as shared

        refuse_beside("--cache", product=product)
        if days < 0:
            message = f"--days {days}: expected 0 or more."
            raise UsageError(message, hint="for example --days 30")
        return shared.clean(shared.find(os.environ), days=days)
    from frostline.infer import opening
    from frostline.profile import configuration

    if days:
        message = "--days has an effect only with --cache."
        raise UsageError(message, hint="add --cache, or leave --days out")
    project = here()
    opening.require_own_folder(project, os.environ)
    if product:
        configuration.require_product(project, product)
    return workspace.clean(project, product, configuration.products(project))
