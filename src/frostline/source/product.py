"""Makes the environment, with its native wheels, and the stage of a product."""

from packaging.utils import canonicalize_name

from frostline.core import own_files
from frostline.profile import resources
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import direct_wheels, environment, freezer, index_access, locks
from frostline.source.environment import Lock, ProductEnvironment, Wheel
from frostline.source.stage import Stage, build_stage
from frostline.source.wheelhouse import native_wheels

# The server of each kind of application.
_SERVERS = {"asgi": "uvicorn", "wsgi": "waitress"}


def product_environment(build: Build) -> ProductEnvironment:
    """Return the environment that the product is frozen from, with its native wheels.

    Raises HostError, LockError, CommandError.
    """
    environ = index_access.variables(build.environ, locks.of_build(build).indexes)
    return environment.create(
        build.product, product_lock(build), environ=environ,
        log_file=build.log("environment"), wheels=wheels(build),
    )  # fmt: skip


def wheels(build: Build) -> tuple[Wheel, ...]:
    """Return the wheels that are in no index: native ones, and those of folders and repositories.

    Raises HostError, LockError, BuildError.
    """
    native = native_wheels(build)
    names = {wheel.name for wheel in native}
    return native + direct_wheels.build(locks.of_build(build), locks.task_of(build), names)


def product_lock(build: Build) -> Lock:
    """Return the lock of what the product is frozen with: its own, and a server that it lacks."""
    found = locks.of_build(build)
    lock = environment.without(Lock(found.origin, found.text), freezer.NAMES)
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
