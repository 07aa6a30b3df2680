"""Runs frostline's own verbs in a container of a Linux platform's image.

The project and frostline are mounted read-only, the build folder and the cache writable: the
container's results are in the same place as those of a build on the host.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from frostline.core import cache, digest, exit_codes, json_file, log, own_files, workspace
from frostline.core.command import CommandError, Process
from frostline.core.errors import BuildError, SmokeError
from frostline.hosts import engine
from frostline.hosts.engine import Engine
from frostline.profile.build import Build
from frostline.smoke.parity import ParityReport
from frostline.smoke.verdict import Verdict
from frostline.source import environment

_PROJECT, _OWN = PurePosixPath("/project"), PurePosixPath("/frostline")
_CACHE = PurePosixPath("/cache")
_BUILD = _PROJECT / "build"
_OWN_CODES = exit_codes.EXIT_CODES.keys() - {exit_codes.DONE, exit_codes.INTERRUPTED}
# The first process of the container. It makes frostline's environment once. It needs the trap: the
# first process of a container ignores signals that it does not handle.
_FIRST = """
set -eu
environment="$1" python="$2" lock="$3"
shift 3
if [ ! -f "$environment/complete" ]; then
    echo "making an environment for frostline in the container" >&2
    rm -rf "$environment"
    "$python" -m venv "$environment"
    # pip before 24.2 does not know SSL_CERT_FILE.
    [ -z "${SSL_CERT_FILE:-}" ] || [ -n "${REQUESTS_CA_BUNDLE:-}" ] ||
        export PIP_CERT="${PIP_CERT:-$SSL_CERT_FILE}"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \\
        --require-hashes --no-deps --only-binary=:all: --requirement "$lock" >&2
    echo /frostline/src > "$(echo "$environment"/lib/python3*/site-packages)/frostline.pth"
    touch "$environment/complete"
fi
"$environment/bin/python" -P -c 'from frostline.cli.program import main; main()' "$@" &
trap 'exit 130' INT TERM
wait "$!"
"""


class ContainerError(BuildError):
    """Frostline failed in the container; the exit code is the one it had there."""

    def __init__(self, error: CommandError) -> None:
        message = "frostline failed in the container."
        super().__init__(message, hint=error.hint, tail=error.tail)
        self.exit_code = error.code if error.code in _OWN_CODES else BuildError.exit_code


@dataclass(frozen=True)
class Container:
    """The *image* in which the verbs for a *build* run; *python* is its interpreter."""

    build: Build
    engine: Engine
    image: str
    python: str


def build(container: Container, *, clean: bool, debug: bool, network: bool) -> None:
    """Build the target in *container*.

    The preparation has a network; the build has one only if *network* is set. Raises HostError,
    ContainerError.
    """
    target = container.build.target
    named = ["--product", target.product, "--platform", target.platform.name]
    named += ["--layout", target.layout]
    flags = ["--clean"] * clean + ["--debug"] * debug
    with log.step(f"building {target.name} in {container.engine.name}") as step:
        _run(container, ["prepare", *named], step, network=True)
        _run(
            container,
            ["build", "--freeze-only", *named, "--where", "host", *flags],
            step,
            network=network,
        )


def smoke(container: Container, rounds: int) -> Verdict:
    """Smoke-test the bundle in *container*, without a network, and return the verdict.

    Raises HostError, ContainerError.
    """
    target = container.build.target
    options = ["--layout", target.layout, "--repeat", str(rounds), "--json"]
    verb = ["smoke", "--product", target.product, *options]
    with log.step(f"smoke-testing {target.name} in {container.engine.name}") as step:
        output = _run(container, verb, step, network=False, codes=(0, SmokeError.exit_code))
        verdict = json_file.parse(output, Verdict)
        step.ok = verdict.ok
    return verdict


def parity(container: Container) -> ParityReport:
    """Compare the bundle with its source in *container*, without a network; return the report.

    Raises HostError, ContainerError.
    """
    target = container.build.target
    verb = ["parity", "--product", target.product, "--layout", target.layout]
    with log.step(f"comparing {target.name} with its source in {container.engine.name}") as step:
        _run(container, verb, step, network=False, codes=(0, SmokeError.exit_code))
        report = json_file.read(container.build.report("parity"), ParityReport)
        step.ok = report.ok
    return report


def _run(
    container: Container,
    verb: Sequence[str],
    step: log.Step,
    *,
    network: bool,
    codes: Sequence[int] = (0,),
) -> str:
    """Run *verb* in a new container, remove the container, and return the verb's output."""
    name = f"frostline-{container.build.target.name}-{os.getpid()}"
    argv = [container.engine.program, *arguments(container, name, verb, network=network)]
    container.build.workspace.build.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    logged = container.build.log("container")
    try:
        with Process(
            argv, log=logged, env=container.engine.environ, on_line=step.update, stdout=lines.append
        ) as process:
            process.close_stdin()
            code, tail = process.wait(), process.tail()
    except BaseException:
        container.engine.remove(name)  # it runs on when its client is killed
        raise
    if code not in codes:
        error = CommandError(argv, code, tail, logged)
        known = engine.explain(error, container.build.target.name)
        raise ContainerError(error) if known is error else known
    return "\n".join(lines)


def arguments(container: Container, name: str, verb: Sequence[str], *, network: bool) -> list[str]:
    """Return the engine's arguments to run *verb* in a new container called *name*."""
    lock = own_files.data("resources", "requirements", "build.txt")
    key = digest.of_values({"lock": digest.of_file(lock), "image": container.image})
    folder = _build_folder(container)
    home = folder / "env" / f"frostline-{container.build.target.platform.name}-{key[:12]}"
    own = {_OWN / place: path for place, path in own_files.parts().items()}
    environ = container.engine.environ
    certificates = [
        variable for variable in environment.CERTIFICATES if network and environ.get(variable)
    ]
    passed = [variable for variable in environment.NETWORK if network and environ.get(variable)]
    given = {
        "HOME": "/tmp",  # noqa: S108  # the container's own
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_CACHE_DIR": str(folder / "cache" / "pip"),
        cache.VARIABLE: str(_CACHE),
    }  # fmt: skip
    if folder != _BUILD:
        given[workspace.FOLDER_VARIABLE] = str(folder)
    seen = {Path(environ[variable]) for variable in certificates}
    mounts = [
        *_mount(container.build.root, _PROJECT),
        *_mount(container.build.workspace.build, folder, writable=True),
        *_mount(cache.find(container.build.environ).root, _CACHE, writable=True),
        *(part for place, path in own.items() for part in _mount(path, place)),
        *(part for path in sorted(seen) for part in _mount(path, PurePosixPath(path.as_posix()))),
    ]  # fmt: skip
    return [
        "run", "--rm", "--name", name, "--platform", container.build.target.platform.oci,
        *([] if network else ["--network", "none"]), "--security-opt", "label=disable",
        *engine.user(container.engine), *mounts,
        *(part for variable in (*passed, *certificates) for part in ("--env", variable)),
        *(part for item in given.items() for part in ("--env", "=".join(item))),
        "--workdir", str(_PROJECT), "--entrypoint", "/bin/sh", container.image,
        "-c", _FIRST, "frostline", str(home), container.python, str(_inside(lock, own)), *verb,
    ]  # fmt: skip


def _build_folder(container: Container) -> PurePosixPath:
    """Return where the build folder lies in the container: in the project, or where it is here."""
    chosen = container.build.workspace.build_folder
    return PurePosixPath(chosen.absolute().as_posix()) if chosen else _BUILD


def _inside(file: Path, mounts: dict[PurePosixPath, Path]) -> PurePosixPath:
    """Return the path of *file* in the container."""
    place, path = next(item for item in mounts.items() if file.is_relative_to(item[1]))
    return place / file.relative_to(path).as_posix()


def _mount(path: Path, place: PurePosixPath, *, writable: bool = False) -> tuple[str, str]:
    parts = ["type=bind", f"source={path}", f"target={place}", *([] if writable else ["readonly"])]
    # The engine reads the option as CSV, so a path with a comma needs quotes.
    return ("--mount", ",".join(f'"{part}"' if "," in part else part for part in parts))
