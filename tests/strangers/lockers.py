"""The locks of strangers' projects, made by the tools themselves."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

# poetry asks for pages of versions that not every index has; the plug-in asks as pip does.
_PACKAGES = {"poetry": ("poetry>=2", "poetry-plugin-pypi-mirror"), "pdm": ("pdm[locked]",)}
_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
_COMPILE = ("uv", "pip", "compile", "--quiet", "--python-version=3.11", "--no-header")


@dataclass(frozen=True)
class Locker:
    """How a lock is made: *argv* of its tool, given the needs on stdin if *compiled*."""

    file: str = ""
    argv: tuple[str, ...] = ()
    compiled: bool = False
    needs_pyproject: bool = False


LOCKS: Mapping[str, Locker] = {
    "uv.lock": Locker("uv.lock", ("uv", "lock", "--quiet"), needs_pyproject=True),
    "poetry.lock": Locker("poetry.lock", ("poetry", "lock", "--quiet"), needs_pyproject=True),
    "pdm.lock": Locker("pdm.lock", ("pdm", "lock", "--quiet"), needs_pyproject=True),
    "pylock.toml": Locker(
        "pylock.toml", (*_COMPILE, "--universal", "-", "-o", "pylock.toml"), compiled=True
    ),
    "hashed requirements": Locker(
        "requirements.txt", (*_COMPILE, "--generate-hashes", "-", "-o", "requirements.txt"),
        compiled=True,
    ),
    "requirements": Locker("requirements.txt"),
    "none": Locker(),
}  # fmt: skip


def lock(
    project: Path, locker: Locker, needs: tuple[str, ...], tool: Callable[[str], Path]
) -> None:
    """Lock *project*; *tool* returns the command of a tool."""
    text = "".join(f"{need}\n" for need in needs)
    if not locker.argv:
        if locker.file:
            (project / locker.file).write_text(text, encoding="utf-8")
        return
    argv = [str(tool(locker.argv[0])), *locker.argv[1:]]
    given = text if locker.compiled else ""
    env = {**os.environ, "POETRY_PYPI_MIRROR_URL": _index()} if "poetry" in locker.argv else None
    done = subprocess.run(
        argv, cwd=project, input=given, check=False, capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    assert (project / locker.file).is_file()


def _index() -> str:
    """Return the address of pip's index."""
    argv = [sys.executable, "-c", _INDEX]
    own = os.environ.get("PIP_INDEX_URL")
    return own or subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Tools:
    """The tools that make locks, each installed with pip when it is needed first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str) -> Path:
        """Return the command *name*."""
        home = self.folder / name
        scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
        if not home.is_dir():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
            python = scripts / ("python.exe" if sys.platform == "win32" else "python")
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            subprocess.run(
                [*pip, "--disable-pip-version-check", *_PACKAGES.get(name, (name,))], check=True
            )
        return scripts / name
