"""Makes the environment that a product is frozen in, from its hashed lock and nothing else."""

import os
import sys
import sysconfig
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from frostline.core import cache, command, digest, log, workspace
from frostline.core.cache import Cache
from frostline.core.command import Environ
from frostline.core.errors import HostError, LockError
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import index_access, installer

_HASH_MISMATCH = (
    "DO NOT MATCH THE HASHES",
    "Hash mismatch",
    "hash mismatch",
    "Hashes are required",
)
# Names a file that the environment's Python executes at its start; set only for PyInstaller.
FINDER = "FROSTLINE_FREEZER"
_HOOK = (
    f'import os; f = os.environ.get("{FINDER}"); '
    'f and exec(open(f, encoding="utf-8").read(), {"__name__": "frostline_freezer"})'
)
_NO_SUCH_WHEEL = ("No matching distribution", "No solution found", "not found in the package reg")
# Variables that would make builds on two machines differ.
_DROPPED = ("VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


# How pip reaches the index. Values may hold secrets, so they are never passed in argv.
NETWORK = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Lock:
    """Hashed requirements; *name* is the file that people know them by."""

    name: str
    text: str


@dataclass(frozen=True)
class Wheel:
    """A wheel that is installed instead of the lock's entry for *name*."""

    name: str
    file: Path
    sha256: str


@dataclass(frozen=True)
class ProductEnvironment:
    """A finished environment."""

    python: Path
    site_packages: Path


def create(
    name: str, lock: Lock, *, environ: Environ, log_file: Path, wheels: Sequence[Wheel] = ()
) -> ProductEnvironment:
    """Return an environment with the packages of *lock*, from the cache; make it if it is missing.

    It is made with uv if uv is installed, else with venv and pip. *wheels* replace the lock's
    entries of the same name. *name* is shown to people. Raises HostError, LockError, CommandError,
    UsageError and StorageError as `cache.find`.
    """
    check_interpreter()
    place = cache.find(environ)

    def fill(folder: Path) -> None:
        with log.step(f"making the environment of {name}") as step:
            _fill(folder, lock, wheels, environ, log_file, step)

    key = environment_key(place, lock, wheels)
    return _describe(cache.provide(place, "environment", key, fill, label=name))


def of_tools(build: Build, requirements: str) -> ProductEnvironment:
    """Return the environment of *requirements*, the lock of a `before` step; raises as `create`."""
    lock = read_lock(build.root / requirements)
    name = f"{build.product}-tools"
    return create(name, lock, environ=build.environ, log_file=build.log("before"))


def read_lock(file: Path) -> Lock:
    """Return the lock in *file*."""
    return Lock(file.name, file.read_text(encoding="utf-8"))


def environment_key(place: Cache, lock: Lock, wheels: Sequence[Wheel] = ()) -> str:
    """Return the digest of everything that determines the content of an environment in *place*.

    A virtual environment has its own path in its scripts, so the path of the cache is a part of it.
    """
    interpreter = {
        "python": sys.version, "platform": sysconfig.get_platform(),
        "executable": base_executable(), "cache": str(place.root), "hook": _HOOK,
    }  # fmt: skip
    sums = {f"wheel {wheel.name}": wheel.sha256 for wheel in wheels}
    return digest.of_values({"lock": lock.text, **interpreter, **sums})


def lock_blocks(text: str) -> tuple[tuple[Requirement, str], ...]:
    """Return the requirements of the lock *text*, each with its lines.

    A name may occur several times, with different markers.
    """
    blocks, block = [], ""
    for line in text.splitlines():
        block += line + "\n"
        if line.endswith("\\"):
            continue
        requirement = block.partition("--hash")[0].replace("\\", "").strip()
        if requirement and not requirement.startswith("#"):
            blocks.append((Requirement(requirement), block))
        block = ""
    return tuple(blocks)


def without(lock: Lock, names: Collection[str]) -> Lock:
    """Return *lock* without its entries for *names*, which are normalised."""
    kept = [
        block
        for requirement, block in lock_blocks(lock.text)
        if canonicalize_name(requirement.name) not in names
    ]
    return Lock(lock.name, "".join(kept))


def _with_wheels(lock: Lock, wheels: Sequence[Wheel]) -> str:
    """Return the text of *lock* with *wheels* instead of its entries for them."""
    kept = without(lock, {canonicalize_name(wheel.name) for wheel in wheels}) if wheels else lock
    lines = [
        f"{wheel.name} @ {wheel.file.absolute().as_uri()} --hash=sha256:{wheel.sha256}\n"
        for wheel in wheels
    ]
    return kept.text + "".join(lines)


def base_executable() -> str:
    """Return the base interpreter, even if this process runs in a virtual environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def check_interpreter(config: Mapping[str, object] | None = None) -> None:
    """Raise HostError unless this Python has the shared libpython that PyInstaller needs."""
    values = sysconfig.get_config_vars() if config is None else config
    if os.name == "nt" or values.get("Py_ENABLE_SHARED") or values.get("PYTHONFRAMEWORK"):
        return
    if config is None and find_library(f"python{sysconfig.get_python_version()}"):
        return  # Debian has a static executable and a shared library
    message = f"{base_executable()} has no shared libpython, which PyInstaller needs."
    raise HostError(
        message,
        hint="use a Python built with --enable-shared (python.org, uv, Debian's libpython3.x, "
        "or pyenv with PYTHON_CONFIGURE_OPTS=--enable-shared)",
    )


def child_environment(environ: Environ) -> dict[str, str]:
    """Return *environ* for the build's tools, without the variables of this process's Python."""
    found = {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED and not key.startswith(("PYTHON", "PYINSTALLER_", "_PYI_"))
    } | {"PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if "SSL_CERT_FILE" in found and "REQUESTS_CA_BUNDLE" not in found:
        found.setdefault("PIP_CERT", found["SSL_CERT_FILE"])  # for pip before 24.2
    return found


def entry_argv(python: str | Path) -> tuple[str, ...]:
    """Return the command that starts an artifact from source with the interpreter *python*."""
    return (str(python), "-P", "-m", "frostline_runtime.entry")


def of_source(stage: Path, profile: Profile) -> dict[str, str]:
    """Return the variables with which a product runs unfrozen from the folder *stage*.

    Its interpreter then has the options of *profile*, as far as there are variables for them.
    """
    options = {"u": ("PYTHONUNBUFFERED", "1"), "v": ("PYTHONVERBOSE", "1")}
    options["X dev"] = ("PYTHONDEVMODE", "1")
    chosen = dict(options[item] for item in profile.interpreter_options if item in options)
    warnings = [item[2:] for item in profile.interpreter_options if item.startswith("W ")]
    if warnings:
        chosen["PYTHONWARNINGS"] = ",".join(warnings)
    if profile.optimize:
        chosen["PYTHONOPTIMIZE"] = str(profile.optimize)
    return chosen | {
        "PYTHONPATH": str(stage),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FROSTLINE_BUNDLE": str(stage),
    }


def _describe(folder: Path) -> ProductEnvironment:
    values = {"base": str(folder), "platbase": str(folder)}
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
    scripts = Path(sysconfig.get_path("scripts", scheme, values))
    return ProductEnvironment(
        python=scripts / ("python.exe" if os.name == "nt" else "python"),
        site_packages=Path(sysconfig.get_path("purelib", scheme, values)),
    )


def layout(folder: Path) -> tuple[Path, Path]:
    """Return the interpreter and the site-packages of any virtual environment in *folder*."""
    expected = _describe(folder)
    packages = sorted(folder.glob("lib/python3.*/site-packages"))  # its Python may be another one
    return expected.python, next(iter(packages), expected.site_packages)


def _fill(
    folder: Path, lock: Lock, wheels: Sequence[Wheel], environ: Environ, log_file: Path,
    step: log.Step,
) -> None:  # fmt: skip
    env = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # hashes choose, whichever index has it
    env |= index_access.variables(child_environment(environ))
    python = _describe(folder).python
    step.update(f"with {installer.name(env)}")
    installer.make(folder, base_executable(), env=env, log_file=log_file)
    packages = _describe(folder).site_packages
    workspace.write(packages / "frostline_freezer.pth", f"{_HOOK}\n")
    text = _with_wheels(lock, wheels)
    if not lock_blocks(text):
        return  # pip refuses a file without requirements
    listed = folder / "requirements.txt"
    workspace.write(listed, text)
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(listed)]
    try:
        installer.install(
            python, options, env=env, log_file=log_file, on_line=lambda line: _show(line, step)
        )
    except command.CommandError as error:
        raise _explain(error, lock) from error
    step.update("compiling its modules")
    compiling = [str(python), "-I", "-m", "compileall", "-q", "-j", "0", str(packages)]
    with suppress(command.CommandError):  # of files for other versions of Python
        command.run(compiling, log=log_file, env=env)


def _show(line: str, step: log.Step) -> None:
    if step.spinner and line.startswith(("Collecting ", "Installing ", "Resolved ", "Prepared ")):
        step.update(line.partition(" (from")[0])


def _explain(error: command.CommandError, lock: Lock) -> Exception:
    text = "\n".join(error.tail)
    if any(mark in text for mark in _HASH_MISMATCH):
        message = f"a download does not match its hash in {lock.name}: the lock is wrong or stale."
        hint = f"look at what changed, then lock again; {error.hint}"
        return LockError(message, hint=hint, tail=error.tail[-8:])
    if any(mark in text for mark in _NO_SUCH_WHEEL):
        message = f"{lock.name} names a package that has no wheel for this platform and Python."
        hint = (
            "name it in [[wheels]] and run `frostline wheels`, or lock another version; "
            f"{error.hint}"
        )
        return LockError(message, hint=hint, tail=error.tail[-8:])
    return error
