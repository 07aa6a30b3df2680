"""The git history of a copy."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from frostline.core import digest
from frostline.source import history, tree

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def git(folder: Path, *words: str) -> str:
    """Return the output of a git command in *folder*."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    argv = ["git", *identity, *words]
    done = subprocess.run(argv, cwd=folder, env=ENVIRON, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a repository with a tag, a part, and rules for ignored files."""
    root = tmp_path / "whole"
    (root / "part").mkdir(parents=True)
    for name in ("part/app.py", "README", ".gitignore"):
        (root / name).write_text("*.log\n", encoding="utf-8")
    git(root, "init", "-q", "--initial-branch=release")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    git(root, "tag", "-a", "v1.0", "-m", "one")
    return root


def copied(source: Path, top: Path) -> Path:
    """Return a copy of the files of *source*, with its history, in the new folder *top*."""
    known = history.find(source, ENVIRON)
    assert known
    copy = top / known.prefix
    for path in tree.files(source, environ=ENVIRON):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, copy / path)
    before = digest.of_folder(known.top)
    history.add(top, source, known, ENVIRON)
    assert digest.of_folder(known.top) == before
    return copy


@pytest.mark.parametrize("part", [".", "part"])
def test_the_copy_is_at_the_same_place_of_the_history(
    project: Path, tmp_path: Path, part: str
) -> None:
    """Commit, branch and tag are the same, and nothing has changed; a part is in its folder."""
    with (project / ".git" / "info" / "exclude").open("a", encoding="utf-8") as file:
        file.write("private\n")
    copy = copied(project / part, tmp_path / "copy")
    assert git(copy, "describe", "--tags", "--dirty", "--long") == git(
        project, "describe", "--tags", "--long"
    )
    assert git(copy, "symbolic-ref", "HEAD") == "refs/heads/release"
    assert git(copy, "rev-parse", "--show-prefix") == ("part/" if part == "part" else "")
    assert git(copy, "status", "--porcelain") == ""
    for name in ("x.log", "private"):
        (copy / name).touch()
    assert git(copy, "status", "--porcelain") == ""
    assert (tmp_path / "copy" / ".gitignore").is_file()  # hatchling reads it


def test_changes_are_seen(project: Path, tmp_path: Path) -> None:
    """A changed, a deleted and a new file are what they are in the original."""
    (project / "README").write_text("new", encoding="utf-8")
    (project / "part" / "app.py").unlink()
    (project / "more.py").touch()
    copy = copied(project, tmp_path / "copy")
    assert git(copy, "status", "--porcelain") == git(project, "status", "--porcelain")


def test_without_a_branch_and_without_commits(project: Path, tmp_path: Path) -> None:
    """A detached commit stays detached; a repository without commits has none."""
    git(project, "checkout", "-q", "--detach")
    copy = copied(project, tmp_path / "copy")
    assert git(copy, "rev-parse", "HEAD") == git(project, "rev-parse", "HEAD")
    new = tmp_path / "new"
    new.mkdir()
    (new / "app.py").touch()
    git(new, "init", "-q")
    assert history.find(new, ENVIRON) is None
    git(new, "add", ".")
    copied(new, tmp_path / "other")
    assert git(tmp_path / "other", "status", "--porcelain") == "?? app.py"


def test_what_no_repository_tracks(project: Path, tmp_path: Path) -> None:
    """A folder outside of repositories, or ignored by one, has no history."""
    ignored = project / "x.log"
    ignored.mkdir()
    (ignored / "app.py").touch()
    assert history.find(ignored, ENVIRON) is None
    assert history.find(tmp_path, ENVIRON) is None
    assert history.state(tmp_path, ENVIRON) == ""


def test_the_state_changes_with_commits_and_tags(project: Path) -> None:
    """A new tag on the same commit is another state."""
    before = history.state(project, ENVIRON)
    git(project, "tag", "-d", "v1.0")
    git(project, "tag", "v2.0")
    assert history.state(project, ENVIRON) != before
    assert history.last_tag(project, ENVIRON) == "v2.0"
