"""The verbs that build: build, prepare, plan, wheels, image, clean."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from frostline.cli import tables
from frostline.cli.flags import here, open_build
from frostline.cli.verb import silent_verb, verb
from frostline.core import workspace
from frostline.core.platforms import Platform, host
from frostline.core.workspace import Layout
from frostline.hosts.choice import Where

if TYPE_CHECKING:
    from frostline.freeze.bundle import Bundle
    from frostline.freeze.plan import Plan
    from frostline.source.environment import Wheel


def _without_files(bundle: "Bundle") -> str:
    from dataclasses import asdict

    from frostline.core import json_file

    return json_file.dump({key: value for key, value in asdict(bundle).items() if key != "files"})


@verb("Build", show=tables.bundle, as_json=_without_files)
def build(  # flags
    product: str = "",
    platform: Platform | None = None,
    layout: Layout | None = None,
    where: Where = "auto",
    engine: str = "",
    run: int = 0,
    *,
    clean: bool = False,
    debug: bool = False,
) -> "Bundle":
    """Freeze a product; do nothing if nothing has changed.

    Without --platform the product is built for this very machine. With --platform it must run on
    the oldest system that the platform promises: Linux is built in a container if need be, other
    systems on GitHub's machines.

    Examples: frostline build
              frostline build --product argo --layout onefile --clean
              frostline build --product argo --platform linux_arm64
              frostline build --product argo --platform darwin_arm64
              frostline build --product argo --platform linux_x86_64 --where host
    """
    from frostline import dispatch

    options = dispatch.BuildOptions(where, promised=platform is not None, engine=engine, run=run)
    chosen = open_build(product, platform, layout)
    return dispatch.build(chosen, options, clean=clean, debug=debug)


@silent_verb("Build")
def prepare(
    product: str = "", platform: Platform | None = None, layout: Layout | None = None
) -> None:
    """Fetch all that a build of a product needs; the build then works without a network.

    Example: frostline prepare --product argo
    """
    from frostline import pipeline

    pipeline.prepare(open_build(product, platform, layout))


@verb("Build", show=tables.plan)
def plan(
    product: str = "", platform: Platform | None = None, layout: Layout | None = None
) -> "Plan":
    """Say what a bundle would hold, without freezing it.

    Example: frostline plan --product argo --json
    """
    from frostline import pipeline

    return pipeline.plan(open_build(product, platform, layout))


@verb("Build", show=tables.wheels)
def wheels(
    product: str = "", platform: Platform | None = None, python: str = "", engine: str = ""
) -> "tuple[Wheel, ...]":
    """Build the wheels that a product needs and the index has only as source, once.

    Examples: frostline wheels --product argo
              frostline wheels --product argo --platform linux_arm64 --python 3.11
    """
    from frostline import dispatch

    return dispatch.build_wheels(open_build(product, platform), python, engine)


@verb("Build", show=tables.line)
def image(platform: Platform | None = None, engine: str = "", *, debian: bool = False) -> str:
    """Make the container image that a Linux platform is frozen in, if it is not there.

    Builds make it themselves from a registry. With --debian it is made of Debian's packages
    alone, where no registry can be reached.

    Examples: frostline image --platform linux_arm64
              frostline image --platform linux_x86_64 --debian
    """
    from frostline import dispatch

    return dispatch.make_image(here(), platform or host(), os.environ, engine, debian=debian)


@verb("Build", show=tables.removed)
def clean(product: str = "") -> tuple[Path, ...]:
    """Remove what builds made (of one product, or of all), and nothing else.

    Examples: frostline clean
              frostline clean --product argo
    """
    project = here()
    if product:
        project.require_product(product)
    return workspace.clean(project, product)
