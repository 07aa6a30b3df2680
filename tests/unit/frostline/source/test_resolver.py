"""What uv is asked."""

import sys
from pathlib import Path

import pytest

from frostline.core.errors import HostError
from frostline.source import resolver

_NEXT = f"{sys.version_info[0]}.{sys.version_info[1] + 1}"


@pytest.mark.parametrize(
    ("requires", "lowest"),
    [("", "3.11"), (">=3.8,<4", "3.11"), (">=3.11.1", "3.11.1"), ("!=3.8.*", "3.11")],
)
def test_lowest_python(requires: str, lowest: str) -> None:
    """A lock is for the Pythons that the project allows, and none before 3.11."""
    assert resolver.lowest_python(requires, "shop") == lowest


def test_other_python() -> None:
    """A project for other Pythons than this one is refused."""
    with pytest.raises(HostError, match=f"shop needs Python >={_NEXT}; this is"):
        resolver.lowest_python(f">={_NEXT}", "shop")


def test_copy(tmp_path: Path) -> None:
    """A source is copied with its history, without environments and what was built."""
    source = tmp_path / "lib"
    for name in (".git/HEAD", "lib.py", ".venv/a.py", "build/lib.py", "src/build.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    copy = resolver.copy_source(source, tmp_path / "work")
    files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert files == {".git/HEAD", "lib.py", "src/build.py"}
