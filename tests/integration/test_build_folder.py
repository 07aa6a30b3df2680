"""The folder that builds write to: git ignores it, and it is never the user's."""

import os
import subprocess
from pathlib import Path

import pytest
import verbs

from frostline.core import exit_codes


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a repository that tracks a file in `build`."""
    (tmp_path / "build" / "work").mkdir(parents=True)
    (tmp_path / "build" / "work" / "mine").touch()
    (tmp_path / "app.py").write_text("print(1)\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_tracked_folder_is_refused(project: Path) -> None:
    """The message names the file, the flag and the variable; nothing is removed."""
    done = verbs.run(project, "clean")
    assert done.returncode == exit_codes.USAGE
    said = " ".join(done.stderr.split())
    assert "build/work/mine" in said
    assert "--build-folder" in said
    assert "FROSTLINE_BUILD_FOLDER" in said
    assert (project / "build" / "work" / "mine").exists()


def test_another_folder(project: Path, tmp_path: Path) -> None:
    """The flag, or the variable, names the folder; the flag wins."""
    for name in ("out", "other"):
        (tmp_path / name / "work" / "app-x").mkdir(parents=True)
    variable = {**os.environ, "FROSTLINE_BUILD_FOLDER": "other"}
    assert verbs.run(project, "clean", "--build-folder", "out", environ=variable).returncode == 0
    assert not (tmp_path / "out" / "work").exists()
    assert (tmp_path / "other" / "work").exists()
    verbs.output(project, "clean", environ=variable)
    assert not (tmp_path / "other" / "work").exists()


def test_verbs_without_a_project_have_no_such_flag(project: Path) -> None:
    """`platforms` writes nothing."""
    assert verbs.run(project, "platforms", "--build-folder", "x").returncode == exit_codes.USAGE
