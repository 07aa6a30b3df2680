"""What uv is asked."""

import os
import sys
from pathlib import Path

import pytest

from frostline.core.errors import HostError, LockError
from frostline.source import resolver
from frostline.source.resolver import Task

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


# A build backend that needs nothing and writes where it runs.
_BACKEND = """\
from pathlib import Path
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    Path("written.txt").touch()
    info = Path(folder) / "lib-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: lib\\nVersion: 1\\n")
    return info.name
def build_wheel(folder, config_settings=None, metadata_directory=None):
    raise NotImplementedError
"""
_OWN_BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Return a task that reaches no index."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = os.environ | {"PATH": path, "UV_OFFLINE": "1"}
    return Task(tmp_path, "shop", environ, tmp_path / "log" / "uv.log")


def test_folders_stay_as_they_are(task: Task) -> None:
    """A build backend that writes where it runs gets a copy; the result names the folder."""
    lib = task.folder / "lib"
    lib.mkdir()
    (lib / "pyproject.toml").write_text(_OWN_BACKEND, encoding="utf-8")
    (lib / "backend.py").write_text(_BACKEND, encoding="utf-8")
    found = resolver.compile_lines(task, [f"{lib.as_uri()} ; os_name == 'nt'", lib.as_uri()])
    assert found.split() == ["lib", "@", lib.as_uri()]
    assert {path.name for path in lib.iterdir()} == {"pyproject.toml", "backend.py"}


def test_what_cannot_be_resolved(task: Task) -> None:
    """The reason that uv has is shown, and where the rest of it is."""
    with pytest.raises(LockError, match="dependencies of shop cannot be resolved") as caught:
        resolver.compile_lines(task, ["not-there-at-all"])
    assert "not-there-at-all" in "\n".join(caught.value.tail)
    assert "uv.log" in caught.value.hint
