"""What is in no index, as lines of a file."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frostline.source import direct, pdm_lock, poetry_lock, pylock_file, requirements_file
from frostline.source.pins import Content, Direct

_COMMIT = "0123456789012345678901234567890123456789"
_HASH = (f"sha256:{'a' * 64}",)


@pytest.mark.parametrize(
    "item",
    [
        Direct("a-lib", "folder", "a lib"),
        Direct("lib", "folder", "libs/lib", (), 'os_name == "nt"'),
        Direct("own", "file", "own-1-py3-none-any.whl", _HASH),
        Direct("fork", "git", "https://host.example/fork.git@12ab", (), 'os_name == "nt"'),
        Direct("zip", "address", "https://host.example/zip-1.zip", _HASH, 'os_name == "nt"'),
    ],
)
def test_written_and_read(item: Direct, tmp_path: Path) -> None:
    """What is written into frostline.lock is read again, with its marker and hashes."""
    if item.kind == "folder":
        (tmp_path / item.place).mkdir(parents=True)
    elif item.kind == "file":
        (tmp_path / item.place).touch()
    if item.kind in {"folder", "file"}:
        item = replace(item, place=str(tmp_path / item.place))
    file = tmp_path / "lock.txt"
    file.write_text(direct.line(item, tmp_path), encoding="utf-8")
    assert requirements_file.read(file, tmp_path).direct == (item,)


def _poetry(file: Path) -> Content:
    text = f"""
[[package]]
name = "tool"
version = "1"
groups = ["main"]
[package.source]
type = "git"
url = "https://host.example/t.git"
resolved_reference = "{_COMMIT}"
subdirectory = "py"
"""
    return poetry_lock.read(tomllib.loads(text), {}, file)


def _pdm(file: Path) -> Content:
    text = f"""
metadata = {{ strategy = ["inherit_metadata"] }}
[[package]]
name = "tool"
version = "1"
groups = ["default"]
git = "https://host.example/t.git"
revision = "{_COMMIT}"
subdirectory = "py"
"""
    return pdm_lock.read(tomllib.loads(text), {}, file)


def _pylock(file: Path) -> Content:
    text = f"""
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "tool"
[packages.vcs]
type = "git"
url = "https://host.example/t.git"
commit-id = "{_COMMIT}"
subdirectory = "py"
"""
    return pylock_file.read(text, file)


def _requirements(file: Path) -> Content:
    line = f"git+https://me:secret@host.example/t.git@{_COMMIT}#egg=tool&subdirectory=py\n"
    file.write_text(line, encoding="utf-8")
    return Content(direct=requirements_file.read(file, file.parent).direct)


@pytest.mark.parametrize("read", [_poetry, _pdm, _pylock, _requirements])
def test_a_project_in_a_subdirectory(tmp_path: Path, read: Callable[[Path], Content]) -> None:
    """Every format keeps it, and frostline's lock gives it back."""
    place = f"https://host.example/t.git@{_COMMIT}#subdirectory=py"
    expected = Direct("tool", "git", place)
    assert read(tmp_path / "lock").direct == (expected,)
    line = direct.line(expected, tmp_path)
    assert line == f"tool @ git+{place}\n"
    (tmp_path / "again").write_text(line, encoding="utf-8")
    assert requirements_file.read(tmp_path / "again", tmp_path).direct == (expected,)


def test_an_archive_with_a_subdirectory(tmp_path: Path) -> None:
    """The archive's address keeps it, too; what else stands there is left out."""
    text = "https://me:secret@host.example/b.zip#sha256=1&subdirectory=py"
    found = direct.parse(text, tmp_path, "a line", "boxed")
    assert found == Direct("boxed", "address", "https://host.example/b.zip#subdirectory=py")
