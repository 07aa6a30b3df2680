"""Reading pdm.lock, of new and old versions."""

import tomllib
from pathlib import Path

import pytest

from frostline.core.errors import LockError
from frostline.source import pdm_lock
from frostline.source.pins import Content, Direct, render

_PROJECT = '[project]\nname = "shop"\ndependencies = ["Web[Fast]>=2; os_name == \'nt\'", "a"]\n'


def _read(packages: str, project: str = _PROJECT) -> Content:
    return pdm_lock.read(
        tomllib.loads(packages), tomllib.loads(project), Path("pdm.lock").resolve()
    )


def test_groups() -> None:
    """Where packages have groups and markers, those of the default group are taken."""
    text = render(
        _read("""
[metadata]
groups = ["default", "dev"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
[[package]]
name = "web"
version = "2.1"
groups = ["default", "dev"]
marker = "os_name == 'nt'"
files = [{file = "w", hash = "sha256:w"}]
[[package]]
name = "web"
version = "2.1"
extras = ["fast"]
groups = ["default"]
marker = "sys_platform == 'darwin'"
files = [{file = "w", hash = "sha256:w"}]
[[package]]
name = "tester"
version = "1"
groups = ["dev"]
files = [{file = "t", hash = "sha256:t"}]
""").pins
    )
    assert text == (
        'web==2.1 ; os_name == "nt" or sys_platform == "darwin" \\\n    --hash=sha256:w\n'
    )


def test_walk() -> None:
    """Older locks are walked from the project's dependencies; extras are entries of their own."""
    text = render(
        _read("""
[metadata]
lock_version = "4.2"
[[package]]
name = "web"
version = "2.1"
dependencies = ["colour; sys_platform == 'win32'"]
[[package]]
name = "web"
version = "2.1"
extras = ["FAST"]
dependencies = ["web==2.1", "loop>=1"]
[[package]]
name = "web"
version = "2.1"
extras = ["slow"]
dependencies = ["tester"]
[[package]]
name = "a"
version = "1"
[[package]]
name = "colour"
version = "1"
[[package]]
name = "loop"
version = "1"
[[package]]
name = "tester"
version = "1"
[metadata.files]
"web 2.1" = [{file = "w", hash = "sha256:w"}]
"a 1" = [{file = "a", hash = "sha256:a"}]
"colour 1" = [{file = "c", hash = "sha256:c"}]
"loop 1" = [{file = "l", hash = "sha256:l"}]
"tester 1" = [{file = "t", hash = "sha256:t"}]
""").pins
    )
    assert text == (
        "a==1 \\\n    --hash=sha256:a\n"
        'colour==1 ; os_name == "nt" and sys_platform == "win32" \\\n    --hash=sha256:c\n'
        'loop==1 ; os_name == "nt" \\\n    --hash=sha256:l\n'
        'web==2.1 ; os_name == "nt" \\\n    --hash=sha256:w\n'
    )


def test_direct() -> None:
    """Repositories, folders and addresses are data; private indexes are kept apart."""
    sources = {
        "fork": 'git = "https://me:secret@host.example/f.git"\nrevision = "12ab"',
        "lib": 'path = "./libs/lib"',
        "own": 'path = "./own-1.whl"',
        "zip": 'url = "https://host.example/zip.zip"',
    }
    packages = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\ngroups = ["default"]\n{source}\n'
        for name, source in sources.items()
    )
    project = '[[tool.pdm.source]]\nname = "own"\nurl = "https://index.example/simple"\n'
    found = _read('[metadata]\nstrategy = ["inherit_metadata"]\n' + packages, project)
    assert found.indexes == ("https://index.example/simple",)
    assert not found.pins
    assert found.direct == (
        Direct("fork", "git", "https://host.example/f.git@12ab"),
        Direct("lib", "folder", str(Path("libs/lib").resolve())),
        Direct("own", "file", str(Path("own-1.whl").resolve())),
        Direct("zip", "address", "https://host.example/zip.zip"),
    )


def test_mistake() -> None:
    """A lock that cannot be read is an error that names it."""
    with pytest.raises(LockError, match=r"pdm\.lock cannot be read"):
        _read('[[package]]\nversion = "1"\n')


def test_too_old() -> None:
    """A lock whose packages have tables of dependencies is refused, and not read in part."""
    with pytest.raises(LockError, match=r"pdm\.lock is of a format before PDM 1\.6"):
        _read('[[package]]\nname = "web"\nversion = "2"\n[package.dependencies]\na = ">=1"\n')
