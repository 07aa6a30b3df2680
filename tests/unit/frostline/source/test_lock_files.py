"""Which file locks a project."""

from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.source import lock_files

_HASHED = f"a==1 --hash=sha256:{'a' * 64}\n"
_PROJECT = '[project]\nname = "shop"\ndependencies = ["a"]\n'
# By precedence, each with its content and kind.
_FILES = [
    ("frostline.lock", _HASHED, "requirements", True),
    ("uv.lock", "", "uv", True),
    ("pylock.toml", "", "pylock", True),
    ("poetry.lock", "", "poetry", True),
    ("pdm.lock", "", "pdm", True),
    ("requirements/prod.txt", _HASHED, "requirements", True),
    ("requirements.txt", "a\n", "requirements", False),
    ("requirements.in", "a\n", "requirements", False),
    ("pyproject.toml", _PROJECT, "project", False),
    ("setup.py", "", "setup", False),
    ("setup.cfg", "", "setup", False),
]


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("number", range(len(_FILES)))
def test_precedence(number: int, tmp_path: Path) -> None:
    """A file is used where all that go before it are missing."""
    _write(tmp_path, **{name: text for name, text, *_ in _FILES[number:]})
    name, _, kind, resolved = _FILES[number]
    found = lock_files.find(tmp_path)
    assert found
    assert (found.file, found.kind, found.resolved) == (tmp_path / name, kind, resolved)


def test_nothing(tmp_path: Path) -> None:
    """A script without requirements has none; frostline's own lock may be left out."""
    _write(tmp_path, **{"app.py": "", "pyproject.toml": "[tool.ruff]\n"})
    assert lock_files.find(tmp_path) is None
    _write(tmp_path, **{"frostline.lock": _HASHED})
    assert lock_files.find(tmp_path, own=False) is None


def test_workspace(tmp_path: Path) -> None:
    """The uv.lock of a workspace above is used by its members, not by other folders."""
    lock = (
        '[manifest]\nmembers = ["shop"]\n'
        '[[package]]\nname = "shop"\nsource = { editable = "libs/shop" }\n'
        '[[package]]\nname = "tool"\nsource = { editable = "libs/tool" }\n'
    )
    _write(tmp_path, **{
        "uv.lock": lock, "libs/shop/pyproject.toml": _PROJECT, "libs/tool/requirements.txt": "a\n",
    })  # fmt: skip
    found = lock_files.find(tmp_path / "libs" / "shop")
    assert found
    assert (found.kind, found.file) == ("uv", tmp_path / "uv.lock")
    other = lock_files.find(tmp_path / "libs" / "tool")
    assert other
    assert other.file.name == "requirements.txt"


@pytest.mark.parametrize("names", [("pylock.a.toml", "pylock.b.toml"),
                                   ("requirements/a.txt", "requirements/b.txt")])  # fmt: skip
def test_several(names: tuple[str, ...], tmp_path: Path) -> None:
    """Of several equally good files none is taken; they are named."""
    _write(tmp_path, **dict.fromkeys(names, _HASHED))
    with pytest.raises(LockError, match=Path(names[1]).name):
        lock_files.find(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("locks/uv.lock", "", "uv"),
        ("pylock.prod.toml", "", "pylock"),
        ("pyproject.toml", _PROJECT, "project"),
        ("pyproject.toml", "[tool.poetry.dependencies]\na = '*'\n", "poetry project"),
        ("pyproject.toml", "[project]\nname = 'a'\ndynamic = ['dependencies']\n", "setup"),
        ("a.lock", '[metadata]\nlock-version = "2.1"\n', "poetry"),
        ("a.lock", '[metadata]\nlock_version = "4.5"\n', "pdm"),
        ("a.lock", 'lock-version = "1.0"\ncreated-by = "x"\n', "pylock"),
        ("a.lock", _HASHED, "requirements"),
        ("a.lock", "# nothing\n", "requirements"),
    ],
)
def test_named(name: str, text: str, kind: str, tmp_path: Path) -> None:
    """What the profile names is recognised by its name, else by its content."""
    _write(tmp_path, **{name: text})
    assert lock_files.named(tmp_path / name, tmp_path).kind == kind


def test_named_otherwise(tmp_path: Path) -> None:
    """A TOML file that is no lock is an error."""
    _write(tmp_path, **{"a.lock": "version = 1\n"})
    with pytest.raises(LockError, match=r"a\.lock is no lock"):
        lock_files.named(tmp_path / "a.lock", tmp_path)
