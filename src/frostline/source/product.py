"""Makes the environment, with its native wheels, and the stage of a product."""

from dataclasses import dataclass

from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.profile import reading, resources
from frostline.profile.build import Build
from frostline.source import environment
from frostline.source.environment import ProductEnvironment
from frostline.source.metadata import project_metadata
from frostline.source.stage import Stage, build_stage
from frostline.source.wheelhouse import native_wheels


@dataclass(frozen=True)
class ProductSummary:
    """A product of a project, with the name and version of its pyproject.toml."""

    product: str
    name: str
    version: str
    layout: str


def summaries(workspace: Workspace) -> tuple[ProductSummary, ...]:
    """Return every product of the project. Raises TomlError, UsageError."""
    found = []
    for product in workspace.products():
        _, profile = reading.load(workspace, product, host())
        name, version = project_metadata(workspace.root / profile.source)
        found.append(ProductSummary(product, name, version, profile.layout))
    return tuple(found)


def product_environment(build: Build) -> ProductEnvironment:
    """Return the environment that the product is frozen from, with its native wheels.

    Raises HostError, LockError, CommandError.
    """
    lock = build.root / build.profile.requirements
    return environment.create(
        build.product, lock, environ=build.environ, log_file=build.log("environment"),
        wheels=native_wheels(build),
    )  # fmt: skip


def lay_out(build: Build) -> Stage:
    """Make and return the product's stage.

    Raises HostError, LockError, BuildError, FetchError, UsageError.
    """
    return build_stage(build, product_environment(build), resources.wanted(build))
