"""Text files of users: what cannot be read is told with its place."""

from pathlib import Path

import pytest

from frostline.core import text_file
from frostline.core.errors import UsageError


def test_no_utf8(tmp_path: Path) -> None:
    """The line of the first wrong byte is named."""
    (tmp_path / "a.toml").write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(UsageError, match=r"a\.toml:2: is not UTF-8"):
        text_file.read(tmp_path / "a.toml")


def test_a_folder(tmp_path: Path) -> None:
    """A folder is no file."""
    with pytest.raises(UsageError, match="cannot be read"):
        text_file.read(tmp_path)


def test_missing(tmp_path: Path) -> None:
    """A missing file may be right: the caller decides."""
    with pytest.raises(FileNotFoundError):
        text_file.read(tmp_path / "a.toml")
