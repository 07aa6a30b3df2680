"""What a source folder says of itself."""

from pathlib import Path

import pytest

from frostline.core.errors import TomlError, UsageError
from frostline.source.metadata import has_backend, project_metadata, required_metadata

SYSTEM = '[build-system]\nrequires = ["x"]\n'
PROJECT = '[project]\nname = "shop"\n'


@pytest.mark.parametrize(
    ("files", "expected", "built"),
    [
        ({"pyproject.toml": SYSTEM + PROJECT + 'version = "1"'}, ("shop", "1"), True),
        ({"pyproject.toml": SYSTEM + PROJECT}, ("shop", "dynamic"), True),
        ({"pyproject.toml": PROJECT + 'version = "1"'}, ("shop", "1"), False),
        ({"pyproject.toml": PROJECT}, ("shop", "0"), False),
        ({"pyproject.toml": SYSTEM + "[tool.poetry]\nname = 'a'\nversion = '2'"}, ("a", "2"), True),
        (
            {"pyproject.toml": SYSTEM + "[tool.poetry]\npackage-mode = false"},
            ("My-Dir", "0"),
            False,
        ),
        ({"pyproject.toml": SYSTEM + PROJECT + "[tool.uv]\npackage = false"}, ("shop", "0"), False),
        ({"setup.cfg": "[metadata]\nname = a\nversion = 3"}, ("a", "3"), True),
        ({"setup.cfg": "[metadata]\nname = a\nversion = attr: a.v"}, ("a", "dynamic"), True),
        ({"setup.cfg": "[flake8]\nmax-line-length = 100"}, ("My-Dir", "0"), False),
        ({"setup.py": "setup(name='a')"}, ("My-Dir", "dynamic"), True),
        ({"app.py": ""}, ("My-Dir", "0"), False),
    ],
)
def test_name_and_version(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, str], *, built: bool
) -> None:
    """Name and version are read where they are written; only a backend's version is dynamic."""
    root = tmp_path / "My Dir"
    root.mkdir()
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    assert project_metadata(root) == expected
    assert has_backend(root) is built


def test_a_native_wheel_needs_a_name(tmp_path: Path) -> None:
    """A folder's name is not enough to replace an entry of a lock."""
    (tmp_path / "setup.py").touch()
    with pytest.raises(UsageError, match="says no name"):
        required_metadata(tmp_path)


def test_broken_files(tmp_path: Path) -> None:
    """A mistake in one of the files is named."""
    (tmp_path / "setup.cfg").write_text("no section", encoding="utf-8")
    with pytest.raises(UsageError, match=r"setup\.cfg cannot be read"):
        project_metadata(tmp_path)
    (tmp_path / "pyproject.toml").write_text("x", encoding="utf-8")
    with pytest.raises(TomlError):
        project_metadata(tmp_path)
