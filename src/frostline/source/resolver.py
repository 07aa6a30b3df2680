"""Asks uv: what a uv.lock pins, and to which versions requirements without a lock resolve."""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from frostline.core import command, workspace
from frostline.core.command import Environ
from frostline.core.errors import HostError, LockError
from frostline.source import environment, uv

_OLDEST = Version("3.11")  # of frostline, and so of whatever it freezes
# The address of something on this machine, without the extras that may follow.
_LOCAL = re.compile(r"(?<!\+)file://[^\s\[#]+")
# Not what a backend needs to say what a project depends on.
_NOT_COPIED = (
    ".venv", "venv", "env", "build", "dist", "node_modules", "__pycache__", ".nox", ".tox",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What a resolution needs: *folder* of the project, *label* for people, *log_file*."""

    folder: Path
    label: str
    environ: Environ
    log_file: Path


def export(task: Task) -> str:
    """Return the pylock.toml of the uv.lock that locks the project in *folder*.

    Development groups and the project itself are left out. Raises LockError; and as `uv.program`.
    """
    arguments = ["export", "--quiet", "--frozen", "--no-default-groups", "--no-emit-project"]
    arguments += ["--no-header", "--no-python-downloads", "--format", "pylock.toml"]
    try:
        lines = uv.output(
            arguments, environ=task.environ, log_file=task.log_file, folder=task.folder
        )
    except command.CommandError as error:
        message = f"uv cannot read the uv.lock of {task.label}."
        hint = f"`uv export --frozen` must work in its folder; {error.hint}"
        raise LockError(message, hint=hint, tail=error.tail) from error
    return "\n".join(lines)


def compile_file(
    task: Task, source: str, requires_python: str = "", kept: str = "", *, upgrade: bool = False
) -> str:
    """Return the hashed requirements that *source* resolves to, a file of the task's folder.

    They are for all platforms, and for the Pythons from *requires_python* on. Versions of the lock
    *kept* stay where they can, unless *upgrade*. Raises HostError if this Python is none of them,
    LockError if nothing satisfies all requirements; and as `uv.program`.
    """
    arguments = ["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header"]
    arguments += ["--no-annotate", "--no-emit-index-url", "--no-python-downloads"]
    arguments += ["--python", environment.base_executable()]
    arguments += ["--python-version", lowest_python(requires_python, task.label), source]
    with workspace.temporary() as folder:
        result = folder / "frostline.lock.txt"
        if kept and not upgrade:
            workspace.write(result, kept)
        try:
            uv.output(
                [*arguments, "--output-file", str(result)],
                environ=task.environ, log_file=task.log_file, folder=task.folder,
            )  # fmt: skip
        except command.CommandError as error:
            message = f"the dependencies of {task.label} cannot be resolved."
            hint = f"correct what it asks for, or the access to the index; {error.hint}"
            raise LockError(message, hint=hint, tail=error.tail[-8:]) from error
        return result.read_text(encoding="utf-8")


def compile_lines(task: Task, lines: Sequence[str], requires_python: str = "", kept: str = "",
                  *, upgrade: bool = False) -> str:  # fmt: skip
    """Return the hashed requirements that the requirements *lines* resolve to; as `compile_file`.

    Of the folders that they name by `file:` addresses, copies are built: a build backend may write
    into them.
    """
    with workspace.temporary() as folder:
        text = "".join(f"{line}\n" for line in lines)
        copies = dict(_copies(text, folder))
        for address, copy in copies.items():
            text = _renamed(text, address, copy)
        file = folder / "requirements.in"
        workspace.write(file, text)
        found = compile_file(task, str(file), requires_python, kept, upgrade=upgrade)
        for address, copy in copies.items():
            found = _renamed(found, copy, address)
        return found


def _copies(text: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Copy each folder whose address is in *text*; yield its address and that of its copy."""
    for number, address in enumerate(dict.fromkeys(_LOCAL.findall(text))):
        source = Path(url2pathname(urlsplit(address).path))
        if source.is_dir():
            yield address, copy_source(source, folder.resolve() / str(number)).as_uri()


def _renamed(text: str, old: str, new: str) -> str:
    """Return *text* with the address *new* for *old*, but not for what lies below it."""
    return re.sub(rf"{re.escape(old)}(?![^\s\[])", lambda _: new, text)


def compile_copy(
    task: Task, source: str, requires_python: str = "", kept: str = "", *, upgrade: bool = False
) -> str:
    """Return as `compile_file`, of a copy of the folder: the build backend may write into it."""
    with workspace.temporary() as folder:
        copy = copy_source(task.folder, folder)
        inside = Task(copy, task.label, task.environ, task.log_file)
        return compile_file(inside, source, requires_python, kept, upgrade=upgrade)


def copy_source(source: Path, folder: Path) -> Path:
    """Copy the folder *source* into *folder*, without environments and what was built."""
    ignored = shutil.ignore_patterns(*_NOT_COPIED)
    name = source.resolve().name
    return Path(shutil.copytree(source, folder / name, ignore=ignored, symlinks=True))


def lowest_python(requires_python: str, label: str) -> str:
    """Return the oldest Python that a lock is for: of *requires_python*, and not before 3.11.

    Raises HostError if this Python is none of them.
    """
    allowed = SpecifierSet(requires_python)
    this = ".".join(map(str, sys.version_info[:3]))
    if not allowed.contains(this, prereleases=True):
        message = f"{label} needs Python {requires_python}; this is {this}."
        raise HostError(message, hint="install frostline with a Python that the project allows")
    lower = [
        Version(one.version.removesuffix(".*"))
        for one in allowed
        if one.operator in {">=", ">", "==", "~="}
    ]
    return str(max([_OLDEST, *lower]))
