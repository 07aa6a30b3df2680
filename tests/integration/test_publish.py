"""A release: gathered from several machines, drafted, published."""

import os
import shutil
import subprocess
from pathlib import Path

import github_api
import pytest
import verbs


@pytest.fixture(scope="module")
def packed(frail: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the artifacts of two machines."""
    place = tmp_path_factory.mktemp("packed")
    project = Path(shutil.copytree(
        frail, place / "p", symlinks=True, ignore=shutil.ignore_patterns("env", "work")
    ))  # fmt: skip
    for product in ("frail", "frailtool"):
        argv = [verbs.FROSTLINE, "package", "--product", product, "--unproven", "--kind", "zip"]
        subprocess.run(argv, cwd=project, check=True)
        (project / "build" / "release").rename(place / product)
    shutil.rmtree(project)
    return place


@pytest.fixture
def project(frail: Path, packed: Path, tmp_path: Path) -> Path:
    """Return a project that has the artifacts of two machines."""
    folder = tmp_path / "p"
    shutil.copytree(frail / "specs", folder / "specs")
    shutil.copytree(packed, folder / "artifacts")
    return folder


def run(
    project: Path, github: github_api.GitHub | None, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run frostline in *project*."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
    url = github.url if github else ""
    env |= {"GH_TOKEN": github_api.TOKEN, "GITHUB_API_URL": url}
    env["GITHUB_REPOSITORY"] = "acme/frostline"
    return verbs.run(project, *arguments, environ=env)


def test_brought_together(project: Path) -> None:
    """Artifacts are gathered with one SHA256SUMS; a wrong digest is refused."""
    done = run(project, None, "gather", "--folder", "artifacts")
    assert done.returncode == 0, done.stderr
    release = project / "build" / "release"
    subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=release, check=True
    )
    assert len([path for path in release.iterdir() if path.suffix == ".zip"]) == 2
    shutil.copytree(project / "artifacts" / "frail", project / "artifacts" / "three")
    done = run(project, None, "gather", "--folder", "artifacts")
    assert (done.returncode, "twice" in done.stderr) == (2, True)
    notice = next((project / "artifacts" / "three").glob("*.NOTICE.txt"))
    notice.write_text("changed", encoding="utf-8")
    done = run(project, None, "gather", "--folder", "artifacts/three")
    assert done.returncode == 8
    assert "does not match SHA256SUMS" in " ".join(done.stderr.split())
    assert run(project, None, "gather", "--folder", "specs").returncode == 2
    assert (release / "SHA256SUMS").is_file(), "what was there stays"


def test_drafted_and_published(project: Path, document: dict[str, object]) -> None:
    """An interrupted draft is resumed; a public release is not changed."""
    assert run(project, None, "gather", "--folder", "artifacts").returncode == 0
    names = {path.name for path in (project / "build" / "release").iterdir()}
    (project / "notes.md").write_text("What is new.", encoding="utf-8")
    draft = ("publish", "--tag", "v1.0", "--notes", "notes.md")
    with github_api.serving(document) as github:
        shown = github_api.releases(github)
        done = run(project, github, "publish", "--tag", "v1.0", "--final")
        assert (done.returncode, "has no draft of v1.0" in done.stderr) == (2, True)
        done = run(project, github, *draft)
        assert done.returncode == 0, done.stderr
        assert ([item["draft"] for item in shown], shown[0]["body"]) == ([True], "What is new.")
        assert {asset["name"] for asset in shown[0]["assets"]} == names
        # One file was not uploaded, another one only in part.
        lost, half, *_ = shown[0]["assets"]
        shown[0]["assets"].remove(lost)
        half["state"] = "open"
        before = len(github.asked)
        assert run(project, github, *draft).returncode == 0
        sent = [line.split()[0] for line in github.asked[before:] if not line.startswith("GET")]
        assert sorted(sent) == ["DELETE", "POST", "POST"]
        assert {asset["name"] for asset in shown[0]["assets"]} == names
        assert run(project, github, "publish", "--tag", "v1.0", "--final").returncode == 0
        assert (len(shown), shown[0]["draft"]) == (1, False)
        done = run(project, github, *draft)
        assert (done.returncode, "is already public" in done.stderr) == (2, True)
        assert github.wrong == []
