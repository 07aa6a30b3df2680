"""Builds native wheels with cibuildwheel and keeps them in the wheelhouse.

Builds of products compile nothing; they use these wheels.
"""

import shlex
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from frostline.core import cache, command, log, native, workspace
from frostline.core.errors import BuildError, LockError
from frostline.hosts.engine import Engine
from frostline.profile.build import Build
from frostline.profile.policy import Image
from frostline.source import environment, source_copy, tree
from frostline.source.environment import Wheel
from frostline.source.wheelhouse import WheelRequest, keep, tool_lock

_IMAGES = {"x86_64": "CIBW_MANYLINUX_X86_64_IMAGE", "arm64": "CIBW_MANYLINUX_AARCH64_IMAGE"}


def build(build: Build, request: WheelRequest, image: Image, engine: Engine | None) -> Wheel:
    """Build, repair and test the wheel of *request* with cibuildwheel; examine and keep it.

    Linux wheels are built in a container of *engine*. Raises BuildError, LockError, HostError.
    """
    environ = build.environ
    logged = build.workspace.build / "log" / f"{request.name}-{request.platform.name}.wheel.log"
    tool = environment.read_lock(tool_lock())
    tools = environment.create("cibuildwheel", tool, environ=environ, log_file=logged)
    title = f"building {request.name} {request.version} for {request.platform.name}"
    with workspace.temporary() as folder, log.step(title) as step:
        package = _source(request, folder, environ, logged)
        variables = _variables(request, image, engine, environ)
        argv = [str(tools.python), "-P", "-m", "cibuildwheel", "--only", request.identifier]
        argv += ["--output-dir", str(folder / "out"), package.name]
        try:
            command.run(
                argv, log=logged, env=variables, cwd=package.parent,
                on_line=lambda line: step.update(line.strip()) if line.strip() else None,
            )  # fmt: skip
        except command.CommandError as error:
            message = f"cibuildwheel could not build {request.name} {request.version}."
            raise BuildError(message, hint=error.hint, tail=error.tail) from error
        made = sorted((folder / "out").glob("*.whl"))
        if len(made) != 1:
            message = f"cibuildwheel made {len(made)} wheels of {request.name}."
            raise BuildError(message, hint=f"its full output is in {logged}")
        for warning in examine(made[0], request):
            log.warning(warning)
        return keep(cache.find(environ), request, made[0])


def examine(file: Path, request: WheelRequest) -> tuple[str, ...]:
    """Return warnings about the wheel *file*. Raises BuildError if it does not fit *request*."""
    name, _, _, tags = parse_wheel_filename(file.name)
    if name != canonicalize_name(request.name):
        message = f"{file.name} is not a wheel of {request.name}."
        raise BuildError(message, hint="correct the name in [[wheels]]")
    warnings = []
    _, oldest = request.platform.oldest
    with zipfile.ZipFile(file) as packed:
        for member in packed.namelist():
            with packed.open(member) as content:
                if not native.recognised(content.read(4)):
                    continue
            parsed = native.parse(packed.read(member))
            if not parsed or request.platform.machine not in parsed.machines:
                machines = ", ".join(parsed.machines) if parsed else "an unknown machine"
                message = (
                    f"{file.name}: {member} is for {machines}, not {request.platform.machine}."
                )
                raise BuildError(message, hint="correct [[wheels]], or the image")
            if parsed.glibc > oldest and request.platform.system == "linux":
                needs = ".".join(map(str, parsed.glibc))
                warnings.append(
                    f"{member} needs glibc {needs}; the minimum is {request.platform.minimum}"
                )
    if all(tag.platform.startswith("linux_") for tag in tags):
        warnings.append(f"{file.name} was not repaired: it needs libraries of this machine")
    return tuple(warnings)


def _source(request: WheelRequest, folder: Path, environ: Mapping[str, str], logged: Path) -> Path:
    """Put the package's source into *folder*, a copy or the lock's archive; return its path."""
    if isinstance(request.source, Path):
        found = tree.files(request.source, environ=environ)
        return source_copy.copy_files(request.source, folder / "source", found)
    listed = folder / "requirements.txt"
    listed.write_text(request.source, encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    argv += ["--no-binary=:all:", "--dest", str(folder / "source"), "-r", str(listed)]
    try:
        command.run(argv, log=logged, env=environment.child_environment(environ))
    except command.CommandError as error:
        message = f"the source of {request.name} {request.version} could not be downloaded."
        raise LockError(message, hint=error.hint, tail=error.tail[-8:]) from error
    return next((folder / "source").iterdir())


def _variables(
    request: WheelRequest, image: Image, engine: Engine | None, environ: Mapping[str, str]
) -> dict[str, str]:
    table = request.table
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
            given[_IMAGES[request.platform.machine]] = image.wheels
    own = {key: value for key, value in environ.items() if not key.startswith("CIBW_")}
    return {**environment.child_environment(own), **{k: v for k, v in given.items() if v}}
