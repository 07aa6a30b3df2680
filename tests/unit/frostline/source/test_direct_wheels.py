"""Which distributions that are in no index are built, and what pins them."""

from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.source import direct_wheels
from frostline.source.pins import Direct, ProjectLock
from frostline.source.resolver import Task


def _lock(*items: Direct) -> ProjectLock:
    return ProjectLock("uv.lock", "", items)


@pytest.mark.parametrize(
    "item",
    [
        Direct("fork", "git", "https://host.example/fork.git@main"),
        Direct("zip", "address", "https://host.example/zip.zip"),
    ],
)
def test_not_pinned(item: Direct, tmp_path: Path) -> None:
    """A branch, or an archive without hash, is refused: its content may change."""
    task = Task(tmp_path, "shop", {}, tmp_path / "log")
    with pytest.raises(LockError, match=rf"uv\.lock has no .* for {item.name}"):
        direct_wheels.build(_lock(item), task)


def test_not_needed(tmp_path: Path) -> None:
    """Nothing is built for other systems, or where the profile's wheels have it."""
    task = Task(tmp_path, "shop", {}, tmp_path / "log")
    other = Direct("fork", "git", "main", (), 'os_name == "other"')
    own = Direct("own", "git", "main")
    assert direct_wheels.build(_lock(other, own), task, {"own"}) == ()
