"""The files of a source folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frostline.core import digest
from frostline.source import tree

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
needs_names = pytest.mark.skipif(os.name == "nt", reason="Windows takes no such names")


def git(folder: Path, *arguments: str) -> None:
    """Run a git command in *folder*."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=ENVIRON, check=True, capture_output=True
    )


def write(folder: Path, *names: str) -> Path:
    """Write a file for each of *names* below *folder*; return it."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    return folder


def listed(root: Path, *named: Path, output: Path | None = None) -> list[str]:
    """Return the files of *root*."""
    found = tree.files(root, named, environ=ENVIRON, output=output)
    return [path.as_posix() for path in found]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with tracked, untracked and ignored files."""
    root = write(tmp_path / "shop", "shop/__init__.py", "shop/main.py", "notes.txt", "gone.txt")
    write(root, "data/big.bin")
    (root / ".gitignore").write_text("_version.py\ndata/\n", encoding="utf-8")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    (root / "gone.txt").unlink()
    return write(root, "new.txt", "shop/__pycache__/main.pyc", "shop/_version.py")


CORE = [".gitignore", "new.txt", "notes.txt", "shop/__init__.py", "shop/_version.py"]
CORE += ["shop/main.py"]


def test_git_knows_the_source(repository: Path) -> None:
    """Tracked files, untracked ones, and the generated ones of packages; no deleted, no ignored."""
    assert listed(repository) == CORE


def test_named_files_count_although_git_ignores_them(repository: Path) -> None:
    """A file or a folder that is named is source."""
    assert listed(repository, Path("data")) == sorted([*CORE, "data/big.bin"])
    assert listed(repository, Path("data/big.bin")) == sorted([*CORE, "data/big.bin"])
    assert listed(repository, Path("data/none")) == CORE


def test_a_part_of_a_repository(repository: Path) -> None:
    """A folder below the top of a repository has its own files only."""
    assert listed(repository / "shop") == ["__init__.py", "main.py"]


def test_a_repository_without_commits(tmp_path: Path) -> None:
    """Untracked files are source."""
    write(tmp_path, "app.py", "app.log", ".gitignore")
    (tmp_path / ".gitignore").write_text("*.log\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    assert listed(tmp_path) == [".gitignore", "app.py"]


def test_a_folder_that_git_ignores(repository: Path) -> None:
    """A project in an ignored folder of a repository is listed as if there were no git."""
    write(repository / "data" / "tool", "app.py", ".venv/x.py")
    assert listed(repository / "data" / "tool") == ["app.py"]


def test_submodules_and_other_repositories_count(repository: Path, tmp_path: Path) -> None:
    """The files of a submodule, and of a repository inside, are source; ignored ones are not."""
    other = write(tmp_path / "other", "part.py", "junk.log")
    (other / ".gitignore").write_text("*.log\n", encoding="utf-8")
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-q", "-m", "first")
    git(repository, "submodule", "--quiet", "add", str(other), "sub")
    write(repository, "sub/junk.log")
    shutil.copytree(other, repository / "inner")
    found = listed(repository)
    assert {"sub/part.py", "inner/part.py"} <= set(found)
    assert not [name for name in found if name.endswith(".log") or "/.git/" in name]


def test_without_git(tmp_path: Path) -> None:
    """Environments, caches and results at the top are no source; deeper folders are."""
    write(tmp_path, ".venv/a.py", "venv/a.py", "env/a.py", "build/a.py", "dist/a.py", "x/dist/a.js")
    write(tmp_path, "node_modules/a.js", ".tox/a.py", "shop.egg-info/PKG-INFO", "x/build/a.txt")
    write(tmp_path, "x/a.py", "x/__pycache__/a.pyc", ".hidden", "conda/pyvenv.cfg", "conda/a.py")
    assert listed(tmp_path) == [".hidden", "x/a.py", "x/build/a.txt", "x/dist/a.js"]


def test_an_environment_is_never_source(repository: Path) -> None:
    """A virtual environment that git does not ignore, or tracks, is left out."""
    write(repository, "my/pyvenv.cfg", "my/lib/a.py", "shop/e/pyvenv.cfg", "shop/e/a.py")
    git(repository, "add", "-f", "my")
    assert listed(repository) == CORE


def test_the_output_is_never_source(repository: Path) -> None:
    """What frostline writes is left out, even if git does not ignore it."""
    write(repository, "build/work/a.py", "out/a.py")
    assert listed(repository, output=repository / "build") == sorted([*CORE, "out/a.py"])


@needs_names
def test_strange_names(repository: Path) -> None:
    """Names with newlines, and those that are no UTF-8, are listed and have a digest."""
    strange = ["a\nb.txt", os.fsdecode(b"caf\xe9.txt"), " lead.txt", 'quo"te.txt']
    write(repository, *strange)
    assert set(strange) <= set(listed(repository))
    assert digest.of_values(tree.digests(repository, environ=ENVIRON))


@needs_names
@pytest.mark.parametrize("with_git", [True, False])
def test_links_and_things_that_are_no_files(tmp_path: Path, *, with_git: bool) -> None:
    """Links that stay are source; sockets, pipes and links to themselves are not.

    A link that leaves the tree is source only where git tracks it.
    """
    root = write(tmp_path / "root", "a.txt", "folder/b.txt")
    write(tmp_path, "LICENSE", "shared/c.txt")
    for name, target in {
        "inside": "a.txt", "in-folder": "folder", "away": "../LICENSE", "far": "../shared",
        "up": "..", "broken": "none",
    }.items():  # fmt: skip
        (root / name).symlink_to(target)
    expected = ["a.txt", "broken", "folder/b.txt", "in-folder", "inside"]
    if with_git:
        git(root, "init", "-q")
        git(root, "add", ".")
        expected += ["away", "far/c.txt"]
        (root / "untracked").symlink_to("../LICENSE")
    (root / "loop").symlink_to("loop")
    bound = "import os, socket; os.mkfifo('pipe'); socket.socket(socket.AF_UNIX).bind('socket')"
    subprocess.run([sys.executable, "-c", bound], cwd=root, check=True)
    assert (root / "socket").exists()
    assert listed(root) == sorted(expected)
    assert tree.digests(root, environ=ENVIRON)["in-folder"] == "link folder"


@needs_names
def test_the_digest_covers_the_execution_bit(tmp_path: Path) -> None:
    """A script that becomes executable is another source."""
    write(tmp_path, "run.sh")
    before = tree.digests(tmp_path, environ=ENVIRON)
    (tmp_path / "run.sh").chmod(0o755)
    assert tree.digests(tmp_path, environ=ENVIRON) != before


def test_nothing_is_written_and_variables_name_no_other_repository(
    repository: Path, tmp_path: Path
) -> None:
    """The repository is the same afterwards; `GIT_DIR`, as in a hook, has no effect."""
    before = digest.of_folder(repository)
    os.utime(repository / "notes.txt")  # git would refresh its index
    environ = ENVIRON | {"GIT_DIR": str(tmp_path), "GIT_INDEX_FILE": str(tmp_path / "index")}
    found = tree.files(repository, environ=environ)
    assert [path.as_posix() for path in found] == CORE
    assert digest.of_folder(repository) == before


def test_without_the_program_git(repository: Path) -> None:
    """Where git is not installed, a repository is listed as any other folder."""
    found = tree.files(repository, environ={"PATH": ""})
    assert Path("data/big.bin") in found
    assert not [path for path in found if ".git" in path.parts]
