"""The digest of a build's inputs changes with any of them (row A14)."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.freeze.inputs import inputs_digest
from frostline.infer.opening import open_build

ECHO = Path(__file__).resolve().parents[3] / "products" / "echo"


def digest(project: Path) -> str:
    """Return the digest of what echo is made of."""
    build = open_build(Workspace(project), "echo", host(), os.environ)
    return inputs_digest(build, debug=False)


def test_a_copy_is_the_same_build(tmp_path: Path) -> None:
    """The project's folder is no input: what was built in one is up to date in a copy."""
    copies = [Path(shutil.copytree(ECHO, tmp_path / name)) for name in ("one", "another")]
    assert digest(copies[0]) == digest(copies[1])


@pytest.mark.product("A14")
@pytest.mark.parametrize(
    "file", ["app/src/echo/server.py", "data/plain.txt", "lock.txt", "specs/echo.toml"]
)
def test_a_changed_input_is_another_build(tmp_path: Path, file: str) -> None:
    """A bundle of other code, data, locks or profile is not up to date."""
    project = Path(shutil.copytree(ECHO, tmp_path / "project"))
    before = digest(project)
    assert digest(project) == before
    text = (project / file).read_text(encoding="utf-8")
    changed = text.replace("timeout = 20", "timeout = 21")
    changed += "x==1 --hash=sha256:00\n" if file == "lock.txt" else "\n"
    (project / file).write_text(changed, encoding="utf-8")
    assert digest(project) != before


def test_what_builds_write_is_no_input(tmp_path: Path) -> None:
    """Neither frostline's output nor an environment beside the source makes a build stale."""
    project = Path(shutil.copytree(ECHO, tmp_path / "project"))
    specs = project / "specs" / "echo.toml"
    text = specs.read_text(encoding="utf-8").replace('source = "app"', 'source = "."')
    table = '\n[[data]]\nsource = "."\ndestination = "x"\nglob = "**/*.json"\n'
    specs.write_text(text + table, encoding="utf-8")
    before = digest(project)
    for name in ("build/work/x.json", ".venv/pyvenv.cfg", "app/__pycache__/x.pyc", "dist/x.whl"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    assert digest(project) == before


def test_a_tag_is_another_build_where_the_version_comes_from_git(tmp_path: Path) -> None:
    """A version that is written down does not change with tags; one that git knows does."""
    project = Path(shutil.copytree(ECHO, tmp_path / "project"))
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    file = project / "app" / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    for number, content in enumerate((text, re.sub("version = .*", 'dynamic = ["version"]', text))):
        file.write_text(content, encoding="utf-8")
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "--allow-empty", "-m", "1"]):
            subprocess.run([*git, *words], cwd=project, check=True)
        before = digest(project)
        subprocess.run([*git, "tag", f"v{number}"], cwd=project, check=True)
        assert (digest(project) != before) is (number == 1)
