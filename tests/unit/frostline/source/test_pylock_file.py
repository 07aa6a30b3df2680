"""Reading pylock.toml."""

from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.source import pins, pylock_file
from frostline.source.pins import Direct

_A, _B = "a" * 64, "b" * 64
_HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'


def _package(name: str, version: str, marker: str = "", sha256: str = _A) -> str:
    return (
        f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        + (f"marker = '{marker}'\n" if marker else "")
        + f'wheels = [{{ name = "{name}-{version}-py3-none-any.whl", '
        f'url = "https://me:secret@index.example/{name}-{version}-py3-none-any.whl", '
        f'hashes = {{ sha256 = "{sha256}" }} }}]\n'
    )


def test_markers_and_versions() -> None:
    """Versions of one name keep their markers; sdists count; no address is in the text."""
    text = (
        _HEAD
        + _package("numpy", "1", 'python_full_version < "3.12"')
        + _package("numpy", "2", 'python_full_version >= "3.12"', _B)
        + '[[packages]]\nname = "plain"\nversion = "3"\n'
        f'sdist = {{ name = "plain-3.tar.gz", hashes = {{ sha256 = "{_B}" }}, path = "x" }}\n'
    )
    found = pylock_file.read(text, Path("pylock.toml"))
    assert not found.direct
    assert pins.render(found.pins) == (
        f'numpy==1 ; python_full_version < "3.12" \\\n    --hash=sha256:{_A}\n'
        f'numpy==2 ; python_full_version >= "3.12" \\\n    --hash=sha256:{_B}\n'
        f"plain==3 \\\n    --hash=sha256:{_B}\n"
    )


def test_default_groups() -> None:
    """Packages of default groups are taken, those of other groups and of extras are not."""
    text = (
        _HEAD
        + 'default-groups = ["main"]\ndependency-groups = ["main", "dev"]\nextras = ["fast"]\n'
        + _package("a", "1", '"main" in dependency_groups or "fast" in extras')
        + _package("b", "1", '"dev" in dependency_groups')
        + _package("c", "1", '"fast" in extras')
    )
    found = pylock_file.read(text, Path("pylock.toml"))
    assert pins.render(found.pins) == f"a==1 \\\n    --hash=sha256:{_A}\n"


def test_direct() -> None:
    """Folders, repositories and archives are told apart, and credentials are dropped."""
    text = (
        _HEAD
        + '[[packages]]\nname = "lib"\ndirectory = { path = "libs/lib", editable = true }\n'
        + '[[packages]]\nname = "fork"\nversion = "1"\n[packages.vcs]\ntype = "git"\n'
        + 'url = "https://me:secret@host.example/fork.git"\ncommit-id = "12ab"\n'
        + '[[packages]]\nname = "zip"\n[packages.archive]\n'
        + f'url = "https://host.example/zip.zip"\nhashes = {{ sha256 = "{_A}" }}\n'
    )
    found = pylock_file.read(text, Path("pylock.toml"))
    assert not found.pins
    assert found.direct == (
        Direct("lib", "folder", str(Path("libs/lib").resolve())),
        Direct("fork", "git", "https://host.example/fork.git@12ab"),
        Direct("zip", "address", "https://host.example/zip.zip", (f"sha256:{_A}",)),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("packages = 3", r"my\.toml cannot be read"),
        ("[", r"my\.toml cannot be read"),
        ('lock-version = "2.0"\ncreated-by = "t"\npackages = []', "later version"),
    ],
)
def test_mistakes(text: str, reason: str) -> None:
    """What is no pylock.toml is an error that names the file."""
    with pytest.raises(LockError, match=reason):
        pylock_file.read(text, Path("my.toml"))
