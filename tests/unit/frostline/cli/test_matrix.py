"""The job matrix: what it lists and leaves out, and what it warns of."""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from frostline.cli import matrix
from frostline.cli import project as verbs
from frostline.core.errors import LockError, UsageError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Target, Workspace
from frostline.profile import configuration
from frostline.source import index

ROOT = Path(__file__).resolve().parents[4]
ROWS = tuple(PLATFORMS.values())


def test_the_matrix() -> None:
    """The matrix is products by platforms; an empty or too large one is refused."""
    made = matrix.jobs(targets("argo", "rag"), "3.11")
    assert len(made) == 12
    assert made[0] == matrix.Job("argo", "linux_x86_64", "ubuntu-22.04", "3.11")
    for products in ([], ["p"] * 43):
        with pytest.raises(UsageError, match="GitHub takes 1 to 256"):
            matrix.jobs(targets(*products), "3.11")


def targets(*products: str) -> list[Target]:
    """Return *products* on every platform."""
    return [Target(product, row) for product in products for row in PLATFORMS.values()]


def test_labels_that_go_away() -> None:
    """A retiring runner is reported months before and afterwards, not years before."""
    rows = [PLATFORMS["darwin_x86_64"]]
    assert [*matrix.retiring(rows, date(2026, 1, 1))] == []
    assert [*matrix.retiring(rows, date(2027, 5, 3))] == []  # 120 days before
    assert len([*matrix.retiring(rows, date(2027, 5, 4))]) == 1
    (soon,) = matrix.retiring(rows, date(2027, 7, 1))
    assert "macos-15-intel will be retired on 2027-08-31" in soon
    (late,) = matrix.retiring(rows, date(2028, 1, 1))
    assert "was retired on" in late


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """Return a project with a product whose lock is one package."""
    folder = Path(shutil.copytree(ROOT / "tests" / "products" / "echo", tmp_path / "project"))
    (folder / "lock.txt").write_text("some==1.0 --hash=sha256:00\n", encoding="utf-8")
    return Workspace(folder)


def test_what_no_wheel_is_there_for(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorded lock decides which platforms are planned; others are left out with a reason."""
    targets, reasons = matrix.plan(project, ["echo"], ROWS, "3.11")
    assert ([target.platform for target in targets], reasons) == ([*ROWS], ())
    (warning,) = matrix.unrecorded(project, ["echo"], ROWS, "3.11")
    assert "lock.txt: for which platforms it has wheels is not recorded" in warning
    asked = []

    def wheels(lock: Path, python: str, *, environ: Mapping[str, str], log_file: Path) -> object:
        asked.append((lock.name, python, dict(environ), log_file.name))
        return {"00": "some-1.0-cp311-cp311-win_amd64.whl"}

    monkeypatch.setattr(index, "wheels", wheels)
    matrix.record(project, ["echo"], "3.11", {"A": "1"})
    assert asked == [("lock.txt", "3.11", {"A": "1"}, "index.log")], "each lock once"
    assert matrix.unrecorded(project, ["echo"], ROWS, "3.11") == ()
    targets, reasons = matrix.plan(project, ["echo"], ROWS, "3.11")
    assert targets == (Target("echo", PLATFORMS["windows_x86_64"]),)
    assert len(reasons) == 5
    assert "echo is not built for linux_arm64: its locks have no wheel of some==1.0" in reasons[1]
    with pytest.raises(LockError, match=r"not built for linux_x86_64: .*some==1\.0") as caught:
        matrix.plan(project, ["echo"], [PLATFORMS["linux_x86_64"]], "3.11")
    assert "[[wheels]]" in caught.value.hint


def test_what_the_profile_allows(project: Workspace) -> None:
    """A platform that the profile leaves out is not planned, and no reason is given."""
    profile = project.root / "specs" / "echo.toml"
    text = profile.read_text(encoding="utf-8")
    allowed = text.replace("schema = 1", 'schema = 1\nplatforms = ["linux_arm64"]')
    profile.write_text(allowed, encoding="utf-8")
    planned = matrix.plan(project, ["echo"], ROWS, "3.11")
    assert planned == ((Target("echo", PLATFORMS["linux_arm64"]),), ())
    assert matrix.plan(project, ["echo"], [PLATFORMS["linux_x86_64"]], "3.11") == ((), ())


@pytest.mark.parametrize("python", ["3", "3.11.2", "2.7", "three"])
def test_a_version_that_is_none(python: str) -> None:
    """A version of Python has two numbers."""
    with pytest.raises(UsageError, match=f'"{python}" is no version of Python'):
        matrix.require_version(python)
    assert matrix.require_version("3.14") == "3.14"


def test_the_locks_of_this_project_are_recorded() -> None:
    """After a change of a lock, `nox -s lock` writes which wheels it has."""
    project = Workspace(ROOT)
    assert matrix.unrecorded(project, configuration.products(project), ROWS, "3.11") == ()


def test_what_a_check_warns_of(
    project: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runners and locks are warned of with --check only."""
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(matrix, "retiring", lambda _rows, _today: ["an old runner"])
    verbs.matrix()
    assert capsys.readouterr().err == ""
    verbs.matrix(check=True)
    shown = capsys.readouterr().err
    assert "an old runner" in shown
    assert "not recorded" in shown
