"""Locks of real tools and private indexes: what is installed is what the tool installs."""

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import private_index
import pytest
import verbs

from frostline.core.errors import LockError
from frostline.core.platforms import host
from frostline.core.workspace import Target, Workspace
from frostline.profile.build import Build
from frostline.profile.profile import Profile
from frostline.source import distributions, locks, product, uv

_WHEELS = (
    ("web", "2.3", "core>=1", "colour; sys_platform == 'win32'",
     "loop>=1; extra == 'fast' and sys_platform != 'win32'",
     "winloop; extra == 'fast' and sys_platform == 'win32'"),
    ("core", "1.4"), ("core", "2.1", "deep"), ("deep", "3"), ("colour", "1"), ("winloop", "1"),
    ("loop", "1.1", "deep>=2; python_version >= '3.8'"), ("more", "1"), ("devtool", "1", "deep"),
    ("newer", "1"),
)  # fmt: skip
_HERE = {"web", "core", "loop", "deep", "newer"}
_PROJECT = """
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = [
  "web[fast]>=2",
  "winloop; sys_platform == 'win32'",
  "core<2; python_version < '3.13'",
  "core>=2; python_version >= '3.13'",
  "newer; python_full_version >= '3.11.1'",
]
[project.optional-dependencies]
more = ["more"]
"""
_DEVELOPMENT = '[dependency-groups]\ndev = ["devtool"]\n'


def build_of(root: Path, environ: Mapping[str, str] | None = None) -> Build:
    """Return the build of the product in *root*, whose profile says nothing about a lock."""
    return Build(
        workspace=Workspace(root), target=Target("shop", host()),
        profile=Profile(entry="shop:main"), environ=environ or os.environ,
    )  # fmt: skip


def run(folder: Path, *argv: str | Path, **variables: str) -> str:
    """Run *argv* in *folder* and return its standard output."""
    done = subprocess.run(
        argv, cwd=folder, env=os.environ | variables, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(folder: Path) -> Path:
    """Make an empty virtual environment and return its interpreter."""
    venv.create(folder, with_pip=False)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def tool(folder: Path, *requirements: str) -> Path:
    """Return the folder of the programs of an environment with *requirements*."""
    python = environment(folder)
    run(folder, sys.executable, "-m", "pip", "--python", python, "install", "-q", *requirements)
    return python.parent


def installed(python: Path) -> dict[str, str]:
    """Return the distributions that *python* has, by name, without the product and installers."""
    listed = run(python.parent, sys.executable, "-m", "pip", "--python", python, "list",
                 "--format=json")  # fmt: skip
    found = {item["name"].lower().replace("_", "-"): item["version"] for item in json.loads(listed)}
    return {name: found[name] for name in found.keys() - {"shop", "pip", "setuptools", "wheel"}}


def installed_from_lock(root: Path, folder: Path, index: str) -> dict[str, str]:
    """Return what pip installs from the lock of the product in *root* and nothing else."""
    text = locks.of_build(build_of(root)).text
    (folder / "lock.txt").write_text(text, encoding="utf-8")
    python = environment(folder / "ours")
    run(folder, sys.executable, "-m", "pip", "--python", python, "install", "-q",
        "--require-hashes", "--no-deps", "--only-binary=:all:", "--index-url", index,
        "-r", "lock.txt")  # fmt: skip
    return installed(python)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project with extras, markers and a group for development."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(_PROJECT + _DEVELOPMENT, encoding="utf-8")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """Return the address of an index with what the project needs."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, version, *needs in _WHEELS:
        private_index.wheel(folder, name, version, *needs)
    with private_index.serve(folder, anonymous=True) as address:
        yield f"http://{address}"


@pytest.fixture
def own_uv(tmp_path: Path) -> str:
    """Return frostline's uv."""
    without = os.environ | {"PATH": os.defpath}
    return uv.program(without, tmp_path / "uv.log")


def test_uv(root: Path, index: str, own_uv: str, tmp_path: Path) -> None:
    """uv.lock, and the pylock.toml that uv makes of it, install what `uv sync` installs."""
    python = environment(tmp_path / "theirs")
    run(root, own_uv, "lock", "-q", UV_DEFAULT_INDEX=index)
    run(root, own_uv, "sync", "-q", "--no-dev", "--no-install-project", UV_DEFAULT_INDEX=index,
        UV_PROJECT_ENVIRONMENT=str(tmp_path / "theirs"))  # fmt: skip
    theirs = installed(python)
    assert theirs.keys() == _HERE
    assert installed_from_lock(root, tmp_path, index) == theirs
    assert locks.of_build(build_of(root)).indexes == (index,)
    run(root, own_uv, "export", "-q", "--no-dev", "--no-emit-project", "-o", "pylock.toml")
    exported = locks.of_build(build_of(root)).text
    assert "winloop==1 ; sys_platform" in exported
    (root / "uv.lock").unlink()
    found = locks.of_build(build_of(root))
    assert (found.origin, found.text) == ("pylock.toml", exported)


@pytest.mark.slow("src/frostline/source")
@pytest.mark.parametrize("version", ["poetry<2", "poetry>=2"])
def test_poetry(root: Path, version: str, index: str, tmp_path: Path) -> None:
    """poetry.lock of the formats 2.0 and 2.1 installs what `poetry install` installs."""
    old = """
[tool.poetry]
name = "shop"
version = "1"
description = ""
authors = []
[tool.poetry.dependencies]
python = "^3.11"
web = {version = "^2.0", extras = ["fast"]}
winloop = {version = "*", platform = "win32"}
core = [{version = "<2", python = "<3.13"}, {version = "^2.0", python = ">=3.13"}]
newer = {version = "*", python = ">=3.11"}
more = {version = "*", optional = true}
"""
    text = (old if version == "poetry<2" else _PROJECT) + (
        '[tool.poetry.group.dev.dependencies]\ndevtool = "*"\n'
        f'[[tool.poetry.source]]\nname = "ours"\nurl = "{index}"\npriority = "primary"\n'
    )
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    poetry = tool(tmp_path / "tool", version) / "poetry"
    variables = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_VIRTUALENVS_CREATE": "true",
                 "POETRY_CACHE_DIR": str(tmp_path / "cache")}  # fmt: skip
    run(root, poetry, "lock", "-n", **variables)
    run(root, poetry, "install", "-n", "--only", "main", "--no-root", **variables)
    theirs = installed(root / ".venv" / "bin" / "python")
    assert theirs.keys() == _HERE
    assert installed_from_lock(root, tmp_path, index) == theirs


@pytest.mark.slow("src/frostline/source")
@pytest.mark.parametrize("strategy", ["inherit_metadata", "no_inherit_metadata"])
def test_pdm(root: Path, strategy: str, index: str, tmp_path: Path) -> None:
    """pdm.lock installs what `pdm sync` installs, with metadata in it and without."""
    lines = (_PROJECT + _DEVELOPMENT).splitlines(keepends=True)
    text = "".join(line for line in lines if "core" not in line)  # PDM wants one version of each
    with (root / "pyproject.toml").open("w", encoding="utf-8") as file:
        file.write(
            f'{text}[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"\nverify_ssl = false\n'
        )
    pdm = tool(tmp_path / "tool", "pdm[locked]") / "pdm"
    python = environment(tmp_path / "theirs")
    variables = {"PDM_CACHE_DIR": str(tmp_path / "cache")}
    run(root, pdm, "use", "-f", python, **variables)
    run(root, pdm, "lock", "-q", "--strategy", strategy, **variables)
    run(root, pdm, "sync", "--prod", "--no-self", **variables)
    theirs = installed(python)
    assert theirs.keys() == _HERE
    assert installed_from_lock(root, tmp_path, index) == theirs


def index_variables(kind: str, address: str) -> dict[str, str]:
    """Return the variables that name the private index *address*, as *kind* of them."""
    login = f"http://{private_index.USER}:{private_index.PASSWORD}@{address}"
    if kind != "named":
        return {kind: login}
    return {
        "UV_INDEX": f"our-own=http://{address}",
        "UV_INDEX_OUR_OWN_USERNAME": private_index.USER,
        "UV_INDEX_OUR_OWN_PASSWORD": private_index.PASSWORD,
    }


@pytest.mark.parametrize("program", ["uv", "pip"])
@pytest.mark.parametrize(
    "kind", ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "named"]
)
def test_private_index(kind: str, program: str, own_uv: str, root: Path, tmp_path: Path) -> None:
    """Both installers reach an index with a password, which is in no lock and no log."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    private_index.wheel(wheels, "innershop", "1.5", "innertill>=2")
    private_index.wheel(wheels, "innertill", "2.1")
    text = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["innershop"]\n'
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    path = str(Path(own_uv).parent) if program == "uv" else os.defpath
    with private_index.serve(wheels) as address:
        environ = os.environ | {"PATH": path} | index_variables(kind, address)
        build = build_of(root, environ)
        lock = locks.of_build(build).text
        made = product.product_environment(build)
    found = distributions.installed(made.site_packages)
    assert {name: found[name].version for name in found} == {"innershop": "1.5", "innertill": "2.1"}
    assert lock.count("--hash=sha256:") == 2
    assert private_index.PASSWORD not in written(root)


def written(root: Path) -> str:
    """Return the text of all files that a build has written in *root*."""
    files = [file for file in (root / "build").rglob("*") if file.is_file()]
    assert {file.suffix for file in files} >= {".log", ".lock"}
    return "".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("login", ["reader:wr0ng-Pa55", "wr0ng-Pa55"])
def test_wrong_password(login: str, own_uv: str, root: Path) -> None:
    """A refused password or token is an error that does not show it."""
    text = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["innershop"]\n'
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    with private_index.serve(root) as address:
        index = {"UV_DEFAULT_INDEX": f"http://{login}@{address}"}
        environ = os.environ | {"PATH": str(Path(own_uv).parent)} | index
        with pytest.raises(LockError, match="cannot be resolved") as caught:
            locks.of_build(build_of(root, environ))
    shown = "".join([str(caught.value), caught.value.hint, *caught.value.tail])
    assert "wr0ng-Pa55" not in shown
    log = build_of(root).log("lock").read_text(encoding="utf-8")
    assert "wr0ng-Pa55" not in log
    assert "401" in log


def test_certificate(own_uv: str, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where uv trusts no certificate of the index, pip is tried with its own settings."""
    certificate = root / "index.pem"
    run(root, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", "key.pem", "-out", certificate)  # fmt: skip
    both = root / "both.pem"
    both.write_text(certificate.read_text() + (root / "key.pem").read_text())
    file = private_index.wheel(root, "innershop", "1.5")
    hashed = f"innershop==1.5 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
    (root / "requirements.txt").write_text(hashed, encoding="utf-8")
    with private_index.serve(root, both) as address:
        login = f"https://{private_index.USER}:{private_index.PASSWORD}@{address}"
        others = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # pip takes them before its own
        known = {key: value for key, value in os.environ.items() if key not in others}
        environ = known | {
            "PATH": str(Path(own_uv).parent), "PIP_INDEX_URL": login, "PIP_CERT": str(certificate),
        }  # fmt: skip
        made = product.product_environment(build_of(root, environ))
    assert list(distributions.installed(made.site_packages)) == ["innershop"]
    assert "uv does not trust the certificate of the index" in capfd.readouterr().err


def test_lock(root: Path, own_uv: str, tmp_path: Path) -> None:
    """`frostline lock` keeps what is locked, takes the newest when asked, and only then writes."""
    text = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["core"]\n'
    (root / "pyproject.toml").write_text(text + "[tool.frostline]\nentry = 'shop:main'\n")
    wheels, lock = tmp_path / "wheels", root / "frostline.lock"
    wheels.mkdir()
    private_index.wheel(wheels, "core", "1.4")
    with private_index.serve(wheels, anonymous=True) as address:
        environ = os.environ | {
            "UV_DEFAULT_INDEX": f"http://{address}", "PATH": str(Path(own_uv).parent),
        }  # fmt: skip
        verbs.output(root, "lock", "--dry-run", environ=environ)
        assert not lock.exists()
        verbs.output(root, "lock", environ=environ)
        assert "core==1.4 \\\n    --hash=sha256:" in lock.read_text()
        private_index.wheel(wheels, "core", "2.1")
        verbs.output(root, "lock", environ=environ)
        assert "core==1.4" in lock.read_text()
        shown = json.loads(verbs.output(root, "lock", "--upgrade", "--json", environ=environ))
        assert shown["versions"] == ["core==2.1"]
        assert "core==2.1" in lock.read_text()
        assert address not in lock.read_text()


def test_not_in_an_index(root: Path, tmp_path: Path) -> None:
    """A folder, a repository and an archive are built into wheels; nothing is written into them."""
    text = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    for name in ("lib", "fork"):
        (root / name).mkdir()
        project = f"{text}[project]\nname = '{name}'\nversion = '1'\n"
        (root / name / "pyproject.toml").write_text(project, encoding="utf-8")
        (root / name / f"{name}.py").write_text("X = 1\n", encoding="utf-8")
    run(root / "fork", "git", "init", "-q")
    run(root / "fork", "git", "add", ".")
    run(root / "fork", "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a")
    commit = run(root / "fork", "git", "rev-parse", "HEAD").strip()
    file = private_index.wheel(tmp_path, "own", "1.5")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (root / "requirements.txt").write_text(
        f"-e ./lib\nfork @ git+{(root / 'fork').as_uri()}@{commit}\n"
        f"own @ {file.as_uri()} --hash=sha256:{digest}\n",
        encoding="utf-8",
    )
    made = product.product_environment(build_of(root))
    found = distributions.installed(made.site_packages)
    assert {name: found[name].version for name in found} == {"lib": "1", "fork": "1", "own": "1.5"}
    left = sorted(path.name for path in (root / "lib").iterdir())
    assert left == ["lib.py", "pyproject.toml"]
