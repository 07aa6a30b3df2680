"""Reading poetry.lock in its three formats."""

import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker

from frostline.core.errors import LockError
from frostline.source import poetry_lock
from frostline.source.pins import Content, Direct, render

_PROJECT = """
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.8"
Web = {version = "^2.0", extras = ["fast"]}
numpy = [{version = "^1.0", python = "<3.10"}, {version = "^2.0", python = ">=3.10"}]
winonly = {version = "*", platform = "win32"}
unused = {version = "*", optional = true}
[tool.poetry.group.dev.dependencies]
tester = "*"
"""
_PACKAGES = """
[[package]]
name = "web"
version = "2.3"
python-versions = ">=3.8"
files = [{file = "web-2.3.tar.gz", hash = "sha256:web"}]
[package.dependencies]
colour = {version = ">=0.4", markers = "sys_platform == 'win32'"}
loop = {version = "*", optional = true, markers = "sys_platform != 'win32' and extra == 'fast'"}
slow = {version = "*", optional = true}
[package.extras]
fast = ["loop"]
more = ["slow"]

[[package]]
name = "colour"
version = "0.4"
files = [{file = "c", hash = "sha256:colour"}]
[package.dependencies]
web = "*"

[[package]]
name = "loop"
version = "1"
files = [{file = "l", hash = "sha256:loop"}]

[[package]]
name = "slow"
version = "1"
files = [{file = "s", hash = "sha256:slow"}]

[[package]]
name = "numpy"
version = "1.9"
python-versions = ">=3.8"
files = [{file = "n", hash = "sha256:one"}]

[[package]]
name = "numpy"
version = "2.1"
python-versions = ">=3.10"
files = [{file = "n", hash = "sha256:two"}]

[[package]]
name = "winonly"
version = "1"
files = [{file = "w", hash = "sha256:win"}]
[package.dependencies]
numpy = "*"

[[package]]
name = "unused"
version = "1"
files = [{file = "u", hash = "sha256:unused"}]

[[package]]
name = "tester"
version = "1"
files = [{file = "t", hash = "sha256:tester"}]

[metadata]
lock-version = "2.0"
"""


def _read(packages: str, project: str = _PROJECT) -> Content:
    return poetry_lock.read(
        tomllib.loads(packages), tomllib.loads(project), Path("poetry.lock").resolve()
    )


def _installed(text: str, **environment: str) -> list[str]:
    """Return the requirements of *text* that apply in *environment*."""
    lines = [line.removesuffix(" \\") for line in text.splitlines() if "==" in line[:20]]
    parts = [line.partition(" ; ") for line in lines]
    return [name for name, _, mark in parts if not mark or Marker(mark).evaluate(environment)]


def test_walk() -> None:
    """Format 2.0 is walked from the main dependencies, with extras and markers along the way."""
    text = render(_read(_PACKAGES).pins)
    linux = {"sys_platform": "linux", "python_full_version": "3.11.2"}
    assert _installed(text, **linux) == ["loop==1", "numpy==2.1", "web==2.3"]
    windows = {"sys_platform": "win32", "python_full_version": "3.9.1"}
    assert _installed(text, **windows) == ["colour==0.4", "numpy==1.9", "web==2.3", "winonly==1"]
    newer = windows | {"python_full_version": "3.12.0"}
    assert _installed(text, **newer) == ["colour==0.4", "numpy==2.1", "web==2.3", "winonly==1"]


def test_forced_versions() -> None:
    """A need that allows several versions takes those that other needs force, else the highest."""
    lock = """
[[package]]
name = "web"
version = "1"
files = [{file = "w", hash = "sha256:w"}]
[package.dependencies]
core = ">=1"
[[package]]
name = "core"
version = "1.4"
files = [{file = "c", hash = "sha256:c"}]
[[package]]
name = "core"
version = "2.1"
files = [{file = "c", hash = "sha256:d"}]
[metadata]
lock-version = "2.0"
"""
    project = '[tool.poetry.dependencies]\nweb = "*"\ncore = {version = "<2", platform = "win32"}\n'
    text = render(_read(lock, project).pins)
    assert _installed(text, sys_platform="win32") == ["core==1.4", "web==1"]
    assert _installed(text, sys_platform="linux") == ["core==2.1", "web==1"]


def test_old_format() -> None:
    """Format 1.1 has the hashes in a table of their own, by names as people write them."""
    lock = (
        '[[package]]\nname = "Jinja2"\nversion = "3.1"\ncategory = "main"\noptional = false\n'
        '[metadata]\nlock-version = "1.1"\n[metadata.files]\n'
        'Jinja2 = [{file = "J", hash = "sha256:j"}]\n'
    )
    project = '[tool.poetry.dependencies]\npython = "*"\njinja2 = "~3.1"\n'
    assert render(_read(lock, project).pins) == "jinja2==3.1 \\\n    --hash=sha256:j\n"


def test_groups() -> None:
    """Format 2.1 says itself what the main group needs, and when."""
    lock = """
[[package]]
name = "a"
version = "1"
groups = ["main", "dev"]
markers = {main = "os_name == 'nt'", dev = "python_version < '4'"}
files = [{file = "a", hash = "sha256:a"}]
[[package]]
name = "b"
version = "1"
groups = ["main"]
markers = "extra == 'fast'"
optional = true
files = [{file = "b", hash = "sha256:b"}]
[[package]]
name = "c"
version = "1"
groups = ["dev"]
files = [{file = "c", hash = "sha256:c"}]
[metadata]
lock-version = "2.1"
"""
    text = render(_read(lock, '[project]\nname = "x"\n').pins)
    assert text == 'a==1 ; os_name == "nt" \\\n    --hash=sha256:a\n'


def test_standard_dependencies() -> None:
    """Dependencies in [project] are roots, too; private indexes are kept apart."""
    lock = """
[[package]]
name = "a"
version = "1"
files = [{file = "a", hash = "sha256:a"}]
[package.source]
type = "legacy"
url = "https://index.example/simple"
reference = "own"
[metadata]
lock-version = "2.0"
"""
    found = _read(lock, "[project]\ndependencies = [\"A>=1; os_name == 'nt'\"]\n")
    assert render(found.pins) == 'a==1 ; os_name == "nt" \\\n    --hash=sha256:a\n'
    assert found.indexes == ("https://index.example/simple",)


def test_direct() -> None:
    """Repositories, folders, files and addresses are data."""
    sources = {
        "fork": 'type = "git"\nurl = "https://host.example/f.git"\nresolved_reference = "12ab"\n'
        'reference = "main"',
        "lib": 'type = "directory"\nurl = "../lib"',
        "own": 'type = "file"\nurl = "own-1.whl"',
        "zip": 'type = "url"\nurl = "https://me:secret@host.example/zip.zip"',
    }
    lock = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\ngroups = ["main"]\nfiles = []\n'
        f"[package.source]\n{source}\n"
        for name, source in sources.items()
    )
    found = _read(lock)
    assert not found.pins
    assert found.direct == (
        Direct("fork", "git", "https://host.example/f.git@12ab"),
        Direct("lib", "folder", str(Path("../lib").resolve())),
        Direct("own", "file", str(Path("own-1.whl").resolve())),
        Direct("zip", "address", "https://host.example/zip.zip"),
    )


def test_place_that_only_an_extra_needs() -> None:
    """What only an extra of the project takes from a repository is left out."""
    lock = """
[[package]]
name = "fork"
version = "1"
optional = true
groups = ["main"]
markers = "extra == 'x'"
source = { type = "git", url = "https://host.example/f.git", resolved_reference = "12ab" }
[metadata]
lock-version = "2.1"
"""
    assert _read(lock) == Content()


def test_mistake() -> None:
    """A lock that cannot be read is an error that names it."""
    with pytest.raises(LockError, match=r"poetry\.lock cannot be read"):
        _read('[[package]]\nname = "web"\nversion = "of course"\n')
