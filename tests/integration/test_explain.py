"""Explanations of a frozen product, and the differences between two."""

import json
import shutil
from pathlib import Path

import pytest
from verbs import run

from frostline.core import platforms

NAME = f"frail-{platforms.host().name}"


def why(project: Path, name: str) -> dict[str, object]:
    """Return the explanation of *name*."""
    done = run(project, "why", "--product", "frail", "--name", name, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def project(frail: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the frozen product with PyInstaller's work folder."""
    return Path(shutil.copytree(frail, tmp_path_factory.mktemp("explain") / "p", symlinks=True))


def test_modules(project: Path) -> None:
    """A module has its import chain, importers, size and reasons."""
    found = why(project, "multiprocessing.pool")
    assert found["owner"] == "python"
    assert isinstance(found["chain"], list)
    assert found["chain"][0].endswith(".py")
    assert found["chain"][-1] == "multiprocessing.pool"
    late = why(project, "frail.late")
    assert late["reasons"] == ["evidence: imported by frail.server at GET /late"]
    assert isinstance(late["size"], int)
    assert late["alone"] == late["size"] > 0


def test_files_and_libraries(project: Path) -> None:
    """A file has its data table or evidence; a library has the files that need it."""
    assert why(project, "frail/docs/help.txt")["reasons"] == [
        "evidence: opened by frail.server at GET /help",
        "[[data]] of the profile: app/src/frail/docs",
    ]
    inside = project / "build" / "output" / NAME / "_internal"
    library = next(path.name for path in inside.iterdir() if path.name.startswith("libffi"))
    found = why(project, library)
    assert any("_ctypes" in str(reason) for reason in found["reasons"] or ())  # type: ignore[attr-defined]  # JSON


def test_what_is_not_there(project: Path) -> None:
    """For a missing name the message says why it is not in the bundle."""
    for name, words in (
        ("setuptools", "it is excluded"),
        ("no.such.thing", "there is no module or file"),
        ("frail.sever", 'Did you mean "frail.server"?'),
    ):
        done = run(project, "why", "--product", "frail", "--name", name)
        assert done.returncode == 2
        assert words in " ".join(done.stderr.split())
    assert run(project, "why", "--product", "frail").returncode == 2


def test_two_bundles(project: Path, tmp_path: Path) -> None:
    """Added, removed and changed files have sizes; a bundle equals itself."""
    report = project / "build" / "output" / f"{NAME}.bundle.json"
    old = Path(shutil.copy(report, tmp_path / "old.json"))
    same = json.loads(run(project, "diff", f"--old={old}", f"--new={report}", "--json").stdout)
    assert not any(same[key] for key in ("distributions", "owners", "added", "removed", "changed"))
    (project / "app" / "src" / "frail" / "docs" / "more.txt").write_text("x" * 500, "utf-8")
    (project / "app" / "src" / "frail" / "docs" / "help.txt").write_text("how to use it!!", "utf-8")
    metadata = project / "app" / "pyproject.toml"
    metadata.write_text(metadata.read_text("utf-8").replace('"1.0"', '"1.0.1"'), "utf-8")
    assert run(project, "build", "--freeze-only", "--product", "frail").returncode == 0
    done = run(project, "diff", "--old", str(old), "--new", str(report), "--json")
    found = json.loads(done.stdout)
    assert found["distributions"] == {"frail": ["1.0", "1.0.1"]}
    assert found["added"]["_internal/frail/docs/more.txt"] == 500
    assert found["changed"]["_internal/frail/docs/help.txt"] == 1
    assert found["size"][1] > found["size"][0]
    assert "1.0 → 1.0.1" in run(project, "diff", f"--old={old}", f"--new={report}").stdout
    assert run(project, "diff", "--old", str(metadata), "--new", str(report)).returncode == 2


def test_the_treemap(project: Path) -> None:
    """The page has no scripts and shows modules inside archives by owner."""
    done = run(project, "treemap", "--product", "frail")
    assert done.returncode == 0, done.stderr
    text = Path(done.stdout.strip()).read_text("utf-8")
    assert "frail: " in text
    assert "python: " in text
    assert "multiprocessing.pool: " in text
    assert "<script" not in text
