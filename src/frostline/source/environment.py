"""The clean environment that a product is frozen in: its hashed lock and nothing else."""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from frostline.core import command, digest, log, workspace
from frostline.core.command import Environ
from frostline.core.errors import HostError, LockError
from frostline.core.workspace import Workspace
from frostline.profile.build import Build

_COMPLETE = "frostline-complete.json"
_HASH_MISMATCH = (
    "DO NOT MATCH THE HASHES",
    "Hash mismatch",
    "hash mismatch",
    "Hashes are required",
)
_NO_SUCH_WHEEL = ("No matching distribution", "No solution found", "not found in the package reg")
# What would make one user's build differ from another's, or from itself.
_DROPPED = ("VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


# How packages are reached from this network; values may be secrets, and stay out of argv.
NETWORK = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Wheel:
    """A wheel that is installed instead of what the lock says of *name*."""

    name: str
    file: Path
    sha256: str


@dataclass(frozen=True)
class ProductEnvironment:
    """A finished environment; *key* names its lock, interpreter and nothing else."""

    python: Path
    site_packages: Path
    key: str


def create(
    paths: Workspace, name: str, lock: Path, *, environ: Environ, log_file: Path,
    wheels: Sequence[Wheel] = (),
) -> ProductEnvironment:  # fmt: skip
    """Return the environment of *lock*, made with uv if it is installed, else venv and pip.

    What *wheels* are of is installed from them.

    It is kept under *name* and the lock's digest. Raises HostError, LockError, CommandError.
    """
    check_interpreter()
    key = environment_key(lock, wheels)
    folder = paths.environment(f"{name}-{key[:12]}")
    result = _describe(folder, key)
    if not (folder / _COMPLETE).is_file():
        with log.step(f"making the environment of {name}") as step:
            workspace.remove(folder)
            listed = _with_wheels(folder, lock, wheels) if wheels else lock
            try:
                _fill(folder, listed, environ, log_file, step)
            except BaseException:
                workspace.remove(folder)
                raise
    return result


def of_tools(build: Build, requirements: str) -> ProductEnvironment:
    """Return the environment of a step's own lock, *requirements*. Raises as `create` does."""
    return create(
        build.workspace, f"{build.product}-tools", build.root / requirements,
        environ=build.environ, log_file=build.log("before"),
    )  # fmt: skip


def environment_key(lock: Path, wheels: Sequence[Wheel] = ()) -> str:
    """Return the digest of everything that decides what an environment holds."""
    interpreter = {"python": sys.version, "executable": base_executable()}
    sums = {f"wheel {wheel.name}": wheel.sha256 for wheel in wheels}
    return digest.of_values({"lock": digest.of_file(lock), **interpreter, **sums})


def lock_blocks(text: str) -> tuple[tuple[Requirement, str], ...]:
    """Return the requirements of a lock, each with its text; one name may be there by markers."""
    found, block = [], ""
    for line in text.splitlines():
        block += line + "\n"
        if line.endswith("\\"):
            continue
        told = block.partition("--hash")[0].replace("\\", "").strip()
        if told and not told.startswith("#"):
            found.append((Requirement(told), block))
        block = ""
    return tuple(found)


def _with_wheels(folder: Path, lock: Path, wheels: Sequence[Wheel]) -> Path:
    """Return a list like *lock*, with *wheels* instead of what it says of them."""
    names = {canonicalize_name(wheel.name) for wheel in wheels}
    lines = [
        block
        for requirement, block in lock_blocks(lock.read_text(encoding="utf-8"))
        if canonicalize_name(requirement.name) not in names
    ]
    lines += [
        f"{wheel.name} @ {wheel.file.absolute().as_uri()} --hash=sha256:{wheel.sha256}\n"
        for wheel in wheels
    ]
    listed = folder.with_name(f"{folder.name}.txt")
    workspace.write(listed, "".join(lines))
    return listed


def base_executable() -> str:
    """Return the interpreter itself, also when this process runs in a virtual environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def check_interpreter(config: Mapping[str, object] | None = None) -> None:
    """Raise HostError unless this Python has the shared library that PyInstaller needs."""
    values = sysconfig.get_config_vars() if config is None else config
    if os.name == "nt" or values.get("Py_ENABLE_SHARED") or values.get("PYTHONFRAMEWORK"):
        return
    if config is None and find_library(f"python{sysconfig.get_python_version()}"):
        return  # Debian: a static executable beside a shared library
    message = f"{base_executable()} has no shared libpython, which PyInstaller needs."
    raise HostError(
        message,
        hint="use a Python built with --enable-shared (python.org, uv, Debian's libpython3.x, "
        "or pyenv with PYTHON_CONFIGURE_OPTS=--enable-shared)",
    )


def child_environment(environ: Environ) -> dict[str, str]:
    """Return *environ* for tools of the build: nothing of this process's own Python."""
    return {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED and not key.startswith(("PYTHON", "PYINSTALLER_", "_PYI_"))
    } | {"PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1"}


def of_source(stage: Path) -> dict[str, str]:
    """Return the variables by which a product runs from the folder *stage*, unfrozen."""
    return {
        "PYTHONPATH": str(stage),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FROSTLINE_BUNDLE": str(stage),
    }


def _describe(folder: Path, key: str) -> ProductEnvironment:
    values = {"base": str(folder), "platbase": str(folder)}
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
    scripts = Path(sysconfig.get_path("scripts", scheme, values))
    return ProductEnvironment(
        python=scripts / ("python.exe" if os.name == "nt" else "python"),
        site_packages=Path(sysconfig.get_path("purelib", scheme, values)),
        key=key,
    )


def layout(folder: Path) -> tuple[Path, Path]:
    """Return interpreter and packages of a virtual environment that somebody else has made."""
    like_ours = _describe(folder, "")
    others = sorted(folder.glob("lib/python3.*/site-packages"))  # of another Python than ours
    return like_ours.python, next(iter(others), like_ours.site_packages)


def _fill(folder: Path, lock: Path, environ: Environ, log_file: Path, step: log.Step) -> None:
    env = child_environment(environ)
    uv = shutil.which("uv", path=environ.get("PATH"))
    python = str(_describe(folder, "").python)
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(lock)]
    if uv:
        make = [uv, "venv", "--no-project", "--python", base_executable(), str(folder)]
        install = [uv, "pip", "install", "--python", python, *options]
    else:
        make = [base_executable(), "-m", "venv", "--without-pip", str(folder)]
        install = [sys.executable, "-m", "pip", "--python", python, "install"]
        install += ["--no-input", "--no-compile", "--progress-bar=off", *options]
    step.update(f"with {'uv' if uv else 'venv and pip'}")
    command.run(make, log=log_file, env=env)
    try:
        command.run(install, log=log_file, env=env, on_line=lambda line: _show(line, step))
    except command.CommandError as error:
        raise _explain(error, lock) from error
    complete = {"python": sys.version, "installer": "uv" if uv else "pip"}
    workspace.write(folder / _COMPLETE, json.dumps(complete))


def _show(line: str, step: log.Step) -> None:
    if step.spinner and line.startswith(("Collecting ", "Installing ", "Resolved ", "Prepared ")):
        step.update(line.partition(" (from")[0])


def _explain(error: command.CommandError, lock: Path) -> Exception:
    text = "\n".join(error.tail)
    if any(mark in text for mark in _HASH_MISMATCH):
        message = f"a download does not match its hash in {lock.name}: the lock is wrong or stale."
        hint = f"look at what changed, then lock again; {error.hint}"
        return LockError(message, hint=hint, tail=error.tail[-8:])
    if any(mark in text for mark in _NO_SUCH_WHEEL):
        message = f"{lock.name} names a package that has no wheel for this platform and Python."
        way = "name it in [[wheels]] and run `frostline wheels`, or choose another version"
        hint = f"{way}; {error.hint}"
        return LockError(message, hint=hint, tail=error.tail[-8:])
    return error
