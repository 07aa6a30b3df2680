"""Wheels of what the index has only as source: built once by cibuildwheel, kept, installed first.

A freeze compiles nothing: what it lacks it names.
"""

import json
import shlex
import shutil
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from frostline.core import command, digest, log, native, workspace
from frostline.core import own_files as resources
from frostline.core.errors import BuildError, HostError, LockError
from frostline.core.platforms import Platform
from frostline.core.workspace import Target, Workspace
from frostline.hosts.engine import Engine
from frostline.profile.policy import Image
from frostline.profile.profile import NativeWheel, Profile
from frostline.source import environment
from frostline.source.environment import Wheel
from frostline.source.stage import project_metadata

_TAGS = {
    "linux": {"x86_64": "manylinux_x86_64", "arm64": "manylinux_aarch64"},
    "darwin": {"x86_64": "macosx_x86_64", "arm64": "macosx_arm64"},
    "windows": {"x86_64": "win_amd64", "arm64": "win_arm64"},
}
_IMAGES = {"x86_64": "CIBW_MANYLINUX_X86_64_IMAGE", "arm64": "CIBW_MANYLINUX_AARCH64_IMAGE"}


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


def wanted(
    paths: Workspace, target: Target, profile: Profile, image: Image, python: str = ""
) -> tuple[Job, ...]:
    """Return the wheels that *target* needs, for *python* (`3.11`; this one's, if empty).

    Raises LockError for a name that the lock does not have.
    """
    number = (python or f"{sys.version_info.major}.{sys.version_info.minor}").replace(".", "")
    lock = (paths.root / profile.requirements).read_text(encoding="utf-8")
    blocks = {
        canonicalize_name(requirement.name): (requirement, block)
        for requirement, block in environment.lock_blocks(lock)
        if not requirement.marker or requirement.marker.evaluate()
    }
    tool = digest.of_file(_tool_lock())
    jobs = []
    for table in profile.wheels:
        if table.source:
            source: Path | str = paths.root / table.source
            name, version = project_metadata(paths.root / table.source)
            known = digest.of_values(digest.of_tree(paths.root / table.source))
        else:
            name = canonicalize_name(table.name)
            if name not in blocks:
                message = f"{table.name} is not in {profile.requirements}."
                raise LockError(message, hint="lock it first: its source archive is taken by hash")
            requirement, source = blocks[name]
            known = source
            version = str(requirement.specifier).removeprefix("==")
        key = digest.of_values({
            "source": known, "table": table.model_dump_json(), "python": number, "tool": tool,
            "platform": target.platform.name, "image": image.wheels,
        })  # fmt: skip
        jobs.append(Job(name, version, target.platform, number, source, table, key[:16]))
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


def build(
    paths: Workspace,
    job: Job,
    image: Image,
    engine: Engine | None,
    environ: Mapping[str, str],
) -> Wheel:
    """Return the wheel of *job*, built, repaired and tried by cibuildwheel, then examined.

    Linux wheels are made in a container of *engine*. Raises BuildError, LockError, HostError.
    """
    logged = paths.build / "log" / f"{job.name}-{job.platform.name}.wheel.log"
    tools = environment.create(
        paths, "cibuildwheel", _tool_lock(), environ=environ, log_file=logged
    )
    title = f"building {job.name} {job.version} for {job.platform.name}"
    with workspace.temporary() as folder, log.step(title) as step:
        package = _source(job, folder, environ, logged)
        variables = _variables(job, image, engine, environ)
        argv = [str(tools.python), "-P", "-m", "cibuildwheel", "--only", job.identifier]
        argv += ["--output-dir", str(folder / "out"), package.name]
        try:
            command.run(
                argv, log=logged, env=variables, cwd=package.parent,
                on_line=lambda line: step.update(line.strip()) if line.strip() else None,
            )  # fmt: skip
        except command.CommandError as error:
            message = f"cibuildwheel could not build {job.name} {job.version}."
            raise BuildError(message, hint=error.hint, tail=error.tail) from error
        made = sorted((folder / "out").glob("*.whl"))
        if len(made) != 1:
            message = f"cibuildwheel made {len(made)} wheels of {job.name}."
            raise BuildError(message, hint=f"its whole output is in {logged}")
        for warning in examine(made[0], job):
            log.warning(warning)
        return _keep(paths, job, made[0])


def examine(file: Path, job: Job) -> tuple[str, ...]:
    """Return what is to be said against the wheel *file*. Raises BuildError if it is of no use."""
    name, _, _, tags = parse_wheel_filename(file.name)
    if name != canonicalize_name(job.name):
        message = f"{file.name} is no wheel of {job.name}."
        raise BuildError(message, hint="correct the name in [[wheels]]")
    found = []
    oldest = tuple(map(int, job.platform.minimum.split()[-1].split(".")))
    with zipfile.ZipFile(file) as packed:
        for member in packed.namelist():
            with packed.open(member) as content:
                if not native.recognised(content.read(4)):
                    continue
            seen = native.parse(packed.read(member))
            if not seen or job.platform.machine not in seen.machines:
                machines = ", ".join(seen.machines) if seen else "something unknown"
                message = f"{file.name}: {member} is for {machines}, not {job.platform.machine}."
                raise BuildError(message, hint="correct [[wheels]], or the image")
            if seen.glibc > oldest and job.platform.system == "linux":
                needs = ".".join(map(str, seen.glibc))
                found.append(f"{member} needs glibc {needs}; promised is {job.platform.minimum}")
    if all(tag.platform.startswith("linux_") for tag in tags):
        found.append(f"{file.name} was not repaired: its libraries are this machine's")
    return tuple(found)


def _tool_lock() -> Path:
    return resources.data("resources", "requirements", "wheels.txt")


def _source(job: Job, folder: Path, environ: Mapping[str, str], logged: Path) -> Path:
    """Return the package to build in *folder*: a copy, or the archive that the lock names."""
    if isinstance(job.source, Path):
        ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
        return Path(shutil.copytree(job.source, folder / "source", ignore=ignored))
    listed = folder / "requirements.txt"
    listed.write_text(job.source, encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    argv += ["--no-binary=:all:", "--dest", str(folder / "source"), "-r", str(listed)]
    try:
        command.run(argv, log=logged, env=environment.child_environment(environ))
    except command.CommandError as error:
        message = f"the source of {job.name} {job.version} could not be had."
        raise LockError(message, hint=error.hint, tail=error.tail[-8:]) from error
    return next((folder / "source").iterdir())


def _variables(
    job: Job, image: Image, engine: Engine | None, environ: Mapping[str, str]
) -> dict[str, str]:
    table = job.table
    settings = " ".join(shlex.quote(f"{k}={v}") for k, v in table.config_settings.items())
    given = {
        "CIBW_BUILD_FRONTEND": "build",
        "CIBW_CONFIG_SETTINGS": settings,
        "CIBW_ENVIRONMENT": " ".join(f"{k}={shlex.quote(v)}" for k, v in table.environment.items()),
        "CIBW_TEST_COMMAND": table.test,
        "CIBW_TEST_REQUIRES": " ".join(table.test_requires),
    }
    if engine:
        network = [name for name in environment.NETWORK if environ.get(name)]
        files = {environ[name] for name in environment.CERTIFICATES if environ.get(name)}
        network += [name for name in environment.CERTIFICATES if environ.get(name)]
        mounts = [f"--volume={file}:{file}:ro" for file in sorted(files)]
        options = ["disable_host_mount: true"]
        options += [f"create_args: {' '.join(mounts)}"] if mounts else []
        given |= {
            "CIBW_CONTAINER_ENGINE": "; ".join([engine.name, *options]),
            "CIBW_ENVIRONMENT_PASS_LINUX": " ".join(network),
        }
        if image.wheels:
            given[_IMAGES[job.platform.machine]] = image.wheels
    own = {key: value for key, value in environ.items() if not key.startswith("CIBW_")}
    return {**environment.child_environment(own), **{k: v for k, v in given.items() if v}}


def _keep(paths: Workspace, job: Job, file: Path) -> Wheel:
    folder = paths.wheelhouse / job.key
    workspace.remove(folder)
    folder.mkdir(parents=True)
    kept_file = Path(shutil.copy(file, folder / file.name))
    wheel = Wheel(job.name, kept_file, digest.of_file(kept_file))
    told = {**asdict(wheel), "file": file.name, "platform": job.platform.name}
    workspace.write(folder / "wheel.json", json.dumps(told, indent=2) + "\n")
    return wheel
