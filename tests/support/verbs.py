"""Runs frostline's console script in a project."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FROSTLINE = str(Path(sys.executable).parent / "frostline")


def run(
    project: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `frostline` with *arguments* in *project*; *environ* defaults to this process's."""
    return subprocess.run(
        [FROSTLINE, *arguments], cwd=project, env=environ or os.environ, check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip


def output(project: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Run `frostline` as `run` does; it must succeed. Return its standard output."""
    done = run(project, *arguments, environ=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout
