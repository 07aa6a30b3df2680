"""Writes a stranger's project: the files of its kind and its backend, its lock, its repository."""

import subprocess
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import lockers
from backends import BACKENDS, WITHOUT_PYPROJECT, Backend
from choice import Triple
from kinds import KINDS, NAME, PACKAGE, Kind

_GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")


def write(folder: Path, triple: Triple, tool: Callable[[str], Path]) -> Path:
    """Write the project of *triple* into *folder*, commit it, and return its own folder."""
    kind, backend = KINDS[triple[0]], BACKENDS[triple[1]]
    locker = lockers.LOCKS[triple[2]]
    project = folder / NAME
    for name, text in _files(kind, backend, triple).items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    lockers.lock(project, locker, kind.needs, tool)
    subprocess.run([*_GIT, "init", "-q", "-b", "main"], cwd=project, check=True)
    commit(project)
    return project


def commit(project: Path) -> None:
    """Commit all that is new in *project*."""
    for words in (["add", "."], ["commit", "-q", "-m", "1"]):
        subprocess.run([*_GIT, *words], cwd=project, check=True)


def contents(project: Path) -> dict[str, bytes]:
    """Return the bytes of every file in *project* outside of `build` and of git's own."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and path.relative_to(project).parts[0] not in {"build", ".git"}
    }


def status(project: Path) -> str:
    """Return what git says has changed."""
    argv = ["git", "status", "--porcelain"]
    done = subprocess.run(argv, cwd=project, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _files(kind: Kind, backend: Backend, triple: Triple) -> dict[str, str]:
    src = kind.src and backend.src
    package = f"src/{PACKAGE}" if src else PACKAGE
    files = dict(kind.files) | {".gitignore": ".venv/\n"}
    if backend.files:
        files |= backend.files(kind.scripts, kind.needs)
    if _has_pyproject(triple):
        files["pyproject.toml"] = _pyproject(kind, backend, "" if src else backend.flat)
    return {
        name.replace("{package}", package): (
            text.replace("{package}", package).replace("{root}", "src" if src else ".")
            if name.endswith(".spec") else text
        )
        for name, text in files.items()
    }  # fmt: skip


def _has_pyproject(triple: Triple) -> bool:
    """Return whether there is a pyproject.toml: for its backend, its lock's tool or its needs."""
    _, backend, lock = triple
    if backend in WITHOUT_PYPROJECT:
        return False
    return backend != "none" or lock == "none" or lockers.LOCKS[lock].needs_pyproject


def _pyproject(kind: Kind, backend: Backend, flat: str) -> str:
    needs = ", ".join(f'"{need}"' for need in kind.needs)
    lines = [
        "[project]", f'name = "{NAME}"', 'version = "0.3.0"', 'description = "A shop"',
        'requires-python = ">=3.11,<4"', f"dependencies = [{needs}]",
    ]  # fmt: skip
    if backend.name:
        system = [f'requires = ["{backend.requires}"]', f'build-backend = "{backend.name}"']
        lines = ["[build-system]", *system, *lines]
    else:
        lines += ["[tool.poetry]", "package-mode = false"]
    scripts: Mapping[str, str] = kind.scripts if backend.name else {}
    if scripts:
        lines += ["[project.scripts]", *(f'{name} = "{e}"' for name, e in scripts.items())]
    return "\n".join([*lines, backend.more, flat]) + "\n"
