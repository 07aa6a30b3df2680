"""The files of a project, and what `clean` removes: only what builds made."""

from pathlib import Path

import pytest

from frostline.core import workspace
from frostline.core.errors import BusyError, UsageError
from frostline.core.platforms import PLATFORMS, host, parse
from frostline.core.workspace import Target, Workspace


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """Return a project."""
    return Workspace(tmp_path)


def test_write_replaces_at_once(tmp_path: Path) -> None:
    """A reader sees the old text or the new one, never half of it."""
    path = tmp_path / "deep" / "file"
    workspace.write(path, "old")
    with path.open(encoding="utf-8") as reader:
        workspace.write(path, "new\n")
        assert reader.read() == "old"
    assert path.read_bytes() == b"new\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_goes_and_its_target_stays(tmp_path: Path) -> None:
    """Removing a link keeps its target."""
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    workspace.remove(tmp_path / "link")
    workspace.remove(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_platform_names() -> None:
    """`host` is this machine; a similar name is suggested."""
    assert parse("host") == host()
    assert {parse(name).name for name in PLATFORMS} == set(PLATFORMS)
    with pytest.raises(UsageError, match='Did you mean "darwin_arm64"'):
        parse("darwin_amr64")


@pytest.mark.product("A1")
@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("linux_x86_64", "argo-linux_x86_64/argo"),
        ("darwin_arm64", "argo-darwin_arm64/argo"),
        ("windows_x86_64", "argo-windows_x86_64/argo.exe"),
    ],
)
def test_where_the_executable_lies(project: Workspace, platform: str, place: str) -> None:
    """The executable has the product's name, in a folder named after product and platform."""
    found = project.executable(Target("argo", PLATFORMS[platform]))
    assert found == project.build / "output" / place


@pytest.mark.product("A12")
def test_clean_knows_products_apart(project: Workspace) -> None:
    """Files of `argo-mini` stay when `argo` is cleaned."""
    mine, other = (
        project.build / "work" / f"{name}-linux_x86_64" for name in ("argo", "argo-mini")
    )
    for folder in (mine, other):
        folder.mkdir(parents=True)
    assert workspace.clean(project, "argo", ["argo", "argo-mini"]) == (mine,)
    assert other.is_dir()


def test_clean_waits_for_no_build(project: Workspace) -> None:
    """While a build runs, none of its files is removed."""
    target = Target("argo", PLATFORMS["linux_x86_64"])
    project.work(target).mkdir(parents=True)
    with project.exclusively(target), pytest.raises(BusyError, match="argo-linux_x86_64"):
        workspace.clean(project)
    assert project.work(target).is_dir()
    assert project.lock(target).is_file()
    assert workspace.clean(project) == (project.work(target),)
    assert [path.name for path in project.build.iterdir()] == [".gitignore"]


def test_nothing_half_written(tmp_path: Path) -> None:
    """A write that fails leaves nothing beside its place."""
    place = tmp_path / "folder"
    place.mkdir()
    with pytest.raises(OSError, match="folder"):
        workspace.write(place, "x")
    assert [*tmp_path.iterdir()] == [place]


def test_the_build_folder(tmp_path: Path) -> None:
    """Builds write to `build`, or to the folder that is given; git ignores it."""
    target = Target("argo", PLATFORMS["linux_x86_64"])
    for project in (Workspace(tmp_path), Workspace(tmp_path, tmp_path / "out")):
        with project.exclusively(target):
            assert project.work(target).is_relative_to(project.build)
        assert (project.build / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "out"]


def test_git_ignores_the_build_folder(project: Workspace) -> None:
    """The rule is there as soon as the folder is; one that the user wrote stays."""
    project.claim()
    rule = project.build / ".gitignore"
    assert rule.read_text(encoding="utf-8") == "*\n"
    rule.write_text("mine\n", encoding="utf-8")
    project.claim()
    assert rule.read_text(encoding="utf-8") == "mine\n"
