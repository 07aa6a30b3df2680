"""Makes the environment, with its native wheels, and the stage of a product."""

from dataclasses import dataclass

from packaging.utils import canonicalize_name

from frostline.core import own_files
from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.profile import reading, resources
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import environment, freezer
from frostline.source.environment import Lock, ProductEnvironment
from frostline.source.metadata import project_metadata
from frostline.source.stage import Stage, build_stage
from frostline.source.wheelhouse import native_wheels

# The server of each kind of application.
_SERVERS = {"asgi": "uvicorn", "wsgi": "waitress"}


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
    return environment.create(
        build.product, product_lock(build), environ=build.environ,
        log_file=build.log("environment"), wheels=native_wheels(build),
    )  # fmt: skip


def product_lock(build: Build) -> Lock:
    """Return the lock of what the product is frozen with: its own, and a server that it lacks."""
    lock = environment.read_lock(build.root / build.profile.requirements)
    lock = environment.without(lock, freezer.NAMES)
    for server in servers(build.profile):
        lock = with_server(lock, server)
    return lock


def servers(profile: Profile) -> tuple[str, ...]:
    """Return the servers that run the applications of *profile*."""
    serves = {profile.serve, *(service.serve for service in profile.services)}
    return tuple(server for kind, server in _SERVERS.items() if kind in serves)


def with_server(lock: Lock, server: str) -> Lock:
    """Return *lock* with *server* and its needs from frostline's own lock, where it lacks them."""
    have = {canonicalize_name(found.name) for found, _ in environment.lock_blocks(lock.text)}
    if server in have:
        return lock
    own = environment.read_lock(own_files.data("resources", "requirements", f"{server}.txt"))
    return Lock(lock.name, lock.text + environment.without(own, have).text)


def lay_out(build: Build) -> Stage:
    """Make and return the product's stage.

    Raises HostError, LockError, BuildError, FetchError, UsageError.
    """
    return build_stage(build, product_environment(build), resources.wanted(build))
