"""The wheelhouse: native wheels in the cache, by the digest of everything they were built from."""

import shutil
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from frostline.core import cache, digest, own_files
from frostline.core.cache import Cache
from frostline.core.errors import HostError, LockError
from frostline.core.platforms import Platform
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.policy import Image
from frostline.profile.profile import NativeWheel
from frostline.source import environment, locks, tree
from frostline.source.environment import Wheel
from frostline.source.metadata import required_metadata

_TAGS = {
    "linux": {"x86_64": "manylinux_x86_64", "arm64": "manylinux_aarch64"},
    "darwin": {"x86_64": "macosx_x86_64", "arm64": "macosx_arm64"},
    "windows": {"x86_64": "win_amd64", "arm64": "win_arm64"},
}


@dataclass(frozen=True)
class WheelRequest:
    """A native wheel that a product needs, for a *platform* and a *python* (`311`).

    *source* is its folder, or the lock's lines for its source archive. *key* is the digest of
    everything that determines the wheel.
    """

    name: str
    version: str
    platform: Platform
    python: str
    source: Path | str
    table: NativeWheel
    key: str

    @property
    def identifier(self) -> str:
        """Return cibuildwheel's identifier for the wheel, such as `cp311-win_amd64`."""
        return f"cp{self.python}-{_TAGS[self.platform.system][self.platform.machine]}"


def native_wheels(build: Build) -> tuple[Wheel, ...]:
    """Return the native wheels that the product needs.

    Raises HostError for a wheel that is not built yet, LockError.
    """
    if not build.profile.wheels:
        return ()
    return kept(cache.find(build.environ), requested(build, policy.load(build.workspace).image))


def requested(build: Build, image: Image, python: str = "") -> tuple[WheelRequest, ...]:
    """Return the native wheels that the product needs for *python* (default: this Python).

    Raises LockError for a name that is not in the lock.
    """
    number = (python or sysconfig.get_python_version()).replace(".", "")
    lock = locks.of_build(build)
    blocks = {
        canonicalize_name(requirement.name): (requirement, block)
        for requirement, block in environment.lock_blocks(lock.text)
        if not requirement.marker or requirement.marker.evaluate()
    }
    tool = digest.of_file(tool_lock())
    requests = []
    for table in build.profile.wheels:
        if table.source:
            folder = build.root / table.source
            source: Path | str = folder
            name, version = required_metadata(folder)
            found = tree.digests(folder, environ=build.environ, output=build.workspace.build)
            known = digest.of_values(found)
        else:
            name = canonicalize_name(table.name)
            if name not in blocks:
                message = f"{table.name} is not in {lock.origin}."
                raise LockError(message, hint="lock it first: its source archive needs a hash")
            requirement, source = blocks[name]
            known = source
            version = str(requirement.specifier).removeprefix("==")
        key = digest.of_values({
            "source": known, "table": table.model_dump_json(), "python": number, "tool": tool,
            "platform": build.platform.name, "image": image.wheels,
        })  # fmt: skip
        requests.append(
            WheelRequest(name, version, build.platform, number, source, table, key[:16])
        )
    return tuple(requests)


def kept(place: Cache, requests: Sequence[WheelRequest]) -> tuple[Wheel, ...]:
    """Return the wheels of *requests*. Raises HostError if one is not built yet."""
    wheels = {request.name: look(place, request) for request in requests}
    missing = [request for request in requests if not wheels[request.name]]
    if missing:
        names = ", ".join(f"{request.name} {request.version}" for request in missing)
        message = (
            f"{names}: there is no wheel for {missing[0].platform.name}; a build compiles none."
        )
        hint = f"build it once: `frostline wheels --platform {missing[0].platform.name}`"
        raise HostError(message, hint=hint)
    return tuple(wheel for wheel in wheels.values() if wheel)


def look(place: Cache, request: WheelRequest) -> Wheel | None:
    """Return the wheel of *request*, or None if it is not in the wheelhouse or was changed."""
    folder = cache.look(place, "wheel", request.key)
    return _wheel(request, folder) if folder else None


def keep(place: Cache, request: WheelRequest, file: Path) -> Wheel:
    """Copy *file* into the wheelhouse for *request* and return the wheel. Raises OSError."""

    def fill(folder: Path) -> None:
        folder.mkdir()
        shutil.copy(file, folder / file.name)

    label = f"{request.name} {request.version} {request.identifier}"
    return _wheel(request, cache.provide(place, "wheel", request.key, fill, label=label))


def _wheel(request: WheelRequest, folder: Path) -> Wheel:
    (file,) = folder.iterdir()
    return Wheel(request.name, file, digest.of_file(file))


def tool_lock() -> Path:
    """Return the hashed lock of cibuildwheel."""
    return own_files.data("resources", "requirements", "wheels.txt")
