"""The stage: modules and data."""

from pathlib import Path
from typing import Literal

import pytest

from frostline.core.errors import BuildError
from frostline.profile.profile import Data
from frostline.source.package_data import own_modules
from frostline.source.stage import select_data


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a small product."""
    for name in (
        "app/__init__.py",
        "app/server.py",
        "app/migrations/env.py",
        "app/sub/__init__.py",
        "plugins/one.py",
        "data/a/provider.yaml",
        "data/b/provider.yaml",
        "data/b/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_own_modules(tree: Path) -> None:
    """Packages and top-level namespaces are modules; folders of scripts in them are data."""
    assert own_modules(tree) == ["app", "app.server", "app.sub", "plugins.one"]


@pytest.mark.product("A3")
def test_glob_keeps_folders(tree: Path) -> None:
    """Files keep their subfolders."""
    table = Data(source="data", destination="app/providers", glob="*/provider.yaml")
    assert list(select_data(table, tree, tree)) == [
        "app/providers/a/provider.yaml",
        "app/providers/b/provider.yaml",
    ]


def test_destination_outside_the_bundle(tree: Path) -> None:
    """A destination with `..` is refused."""
    with pytest.raises(BuildError, match="is outside the bundle"):
        select_data(Data(source="data", destination="../x"), tree, tree)


def test_nothing_matches(tree: Path) -> None:
    """A glob that matches nothing is an error."""
    with pytest.raises(BuildError, match="no file matches"):
        select_data(Data(source="data", destination="x", glob="*.sql"), tree, tree)


def test_links_are_refused_unless_asked_for(tree: Path) -> None:
    """Symbolic links are refused by default."""
    (tree / "data" / "link").symlink_to(tree / "app" / "server.py")
    with pytest.raises(BuildError, match="symbolic link"):
        select_data(Data(source="data", destination="x"), tree, tree)
    followed = Data(source="data", destination="x", symlinks="follow")
    assert "x/link" in select_data(followed, tree, tree)


@pytest.mark.parametrize("symlinks", ["follow", "refuse"])
@pytest.mark.parametrize("target", ["app", "missing"])
def test_a_link_that_is_no_file_is_refused(
    tree: Path, symlinks: Literal["follow", "refuse"], target: str
) -> None:
    """A link that is no file is refused: it is neither left out nor copied."""
    (tree / "data" / "link").symlink_to(tree / target)
    with pytest.raises(BuildError, match="symbolic link"):
        select_data(Data(source="data", destination="x", symlinks=symlinks), tree, tree)
