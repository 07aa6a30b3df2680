"""Makes the environment, with its native wheels, and the stage of a product."""

from dataclasses import dataclass

from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.profile import policy, reading, resources
from frostline.profile.build import Build
from frostline.source import environment, wheelhouse
from frostline.source.environment import ProductEnvironment, Wheel
from frostline.source.stage import Stage, build_stage, project_metadata


@dataclass(frozen=True)
class ProductSummary:
    """A product of a project, with the name and version of its pyproject.toml."""

    product: str
    name: str
    version: str
    layout: str


def summaries(workspace: Workspace) -> tuple[ProductSummary, ...]:
    """Return every product of the project. Raises ProfileError, UsageError."""
    found = []
    for product in workspace.products():
        _, profile = reading.load(workspace, product, host())
        name, version = project_metadata(workspace.root / profile.source)
        found.append(ProductSummary(product, name, version, profile.layout))
    return tuple(found)


def native_wheels(build: Build) -> tuple[Wheel, ...]:
    """Return the native wheels that the product needs.

    Raises HostError for a wheel that is not built yet, LockError.
    """
    if not build.profile.wheels:
        return ()
    recipe = policy.load(build.workspace).image
    return wheelhouse.kept(build.workspace, wheelhouse.requested(build, recipe))


def product_environment(build: Build) -> ProductEnvironment:
    """Return the environment that the product is frozen from, with its native wheels.

    Raises HostError, LockError, CommandError.
    """
    lock = build.root / build.profile.requirements
    return environment.create(
        build.workspace, build.product, lock, environ=build.environ,
        log_file=build.log("environment"), wheels=native_wheels(build),
    )  # fmt: skip


def lay_out(build: Build) -> Stage:
    """Make and return the product's stage.

    Raises HostError, LockError, BuildError, FetchError, UsageError.
    """
    return build_stage(build, product_environment(build), resources.wanted(build))
