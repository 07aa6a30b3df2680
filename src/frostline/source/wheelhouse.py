"""Native wheels that were built here, kept by what they were built from."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from frostline.core import digest, workspace
from frostline.core import own_files as resources
from frostline.core.errors import HostError, LockError
from frostline.core.platforms import Platform
from frostline.core.workspace import Workspace
from frostline.hosts.cibuildwheel import _TAGS
from frostline.profile.build import Build
from frostline.profile.policy import Image
from frostline.profile.profile import NativeWheel
from frostline.source import environment
from frostline.source.environment import Wheel
from frostline.source.stage import project_metadata


@dataclass(frozen=True)
class Job:
    """A wheel that is wanted: *name* and *version*, for a *platform* and a *python* (`311`).

    *source* is its folder, or the block of the lock that names its source archive. *key* changes
    with all that decides what the wheel holds.
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
        """Return what cibuildwheel calls this."""
        return f"cp{self.python}-{_TAGS[self.platform.system][self.platform.machine]}"


def wanted(build: Build, image: Image, python: str = "") -> tuple[Job, ...]:
    """Return the wheels that *target* needs, for *python* (`3.11`; this one's, if empty).

    Raises LockError for a name that the lock does not have.
    """
    number = (python or f"{sys.version_info.major}.{sys.version_info.minor}").replace(".", "")
    lock = (build.root / build.profile.requirements).read_text(encoding="utf-8")
    blocks = {
        canonicalize_name(requirement.name): (requirement, block)
        for requirement, block in environment.lock_blocks(lock)
        if not requirement.marker or requirement.marker.evaluate()
    }
    tool = digest.of_file(_tool_lock())
    jobs = []
    for table in build.profile.wheels:
        if table.source:
            source: Path | str = build.root / table.source
            name, version = project_metadata(build.root / table.source)
            known = digest.of_values(digest.of_tree(build.root / table.source))
        else:
            name = canonicalize_name(table.name)
            if name not in blocks:
                message = f"{table.name} is not in {build.profile.requirements}."
                raise LockError(message, hint="lock it first: its source archive is taken by hash")
            requirement, source = blocks[name]
            known = source
            version = str(requirement.specifier).removeprefix("==")
        key = digest.of_values({
            "source": known, "table": table.model_dump_json(), "python": number, "tool": tool,
            "platform": build.platform.name, "image": image.wheels,
        })  # fmt: skip
        jobs.append(Job(name, version, build.platform, number, source, table, key[:16]))
    return tuple(jobs)


def kept(paths: Workspace, jobs: Sequence[Job]) -> tuple[Wheel, ...]:
    """Return the wheels of *jobs* from the wheelhouse. Raises HostError for what is not there."""
    found = {job.name: look(paths, job) for job in jobs}
    missing = [job for job in jobs if not found[job.name]]
    if missing:
        names = ", ".join(f"{job.name} {job.version}" for job in missing)
        message = (
            f"{names}: no wheel for {missing[0].platform.name}, and a freeze compiles nothing."
        )
        verb = f"invoke wheels --product P --platform {missing[0].platform.name}"
        raise HostError(message, hint=f"{verb} builds what is missing, once")
    return tuple(wheel for wheel in found.values() if wheel)


def look(paths: Workspace, job: Job) -> Wheel | None:
    """Return the wheel of *job* if it is kept, and is what it was."""
    folder = paths.wheelhouse / job.key
    try:
        told = json.loads((folder / "wheel.json").read_text(encoding="utf-8"))
        file, sum_ = folder / told["file"], str(told["sha256"])
    except (OSError, ValueError, LookupError):
        return None
    whole = file.is_file() and digest.of_file(file) == sum_
    return Wheel(job.name, file, sum_) if whole else None


def _tool_lock() -> Path:
    return resources.data("resources", "requirements", "wheels.txt")


def _keep(paths: Workspace, job: Job, file: Path) -> Wheel:
    folder = paths.wheelhouse / job.key
    workspace.remove(folder)
    folder.mkdir(parents=True)
    kept_file = Path(shutil.copy(file, folder / file.name))
    wheel = Wheel(job.name, kept_file, digest.of_file(kept_file))
    told = {**asdict(wheel), "file": file.name, "platform": job.platform.name}
    workspace.write(folder / "wheel.json", json.dumps(told, indent=2) + "\n")
    return wheel
