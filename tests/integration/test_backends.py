"""Products of every build backend: the wheel is made from a copy, also without network."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import plain
import pytest

from frostline.core import digest, platforms
from frostline.core.errors import BuildError
from frostline.core.workspace import Target, Workspace
from frostline.profile.build import Build
from frostline.source import wheel

# Lays out the product of the project in argv[1], and prints what it is made of.
LAY_OUT = """
import json, os, sys
from pathlib import Path
import plain
from frostline.core import digest, platforms
from frostline.core.workspace import Target, Workspace
from frostline.profile.build import Build
from frostline.source import distributions
from frostline.source.environment import ProductEnvironment
from frostline.source.stage import build_stage
build = Build(
    workspace=Workspace(Path(sys.argv[1])), target=Target("shop", platforms.host()),
    profile=plain.profile(source=sys.argv[2]), environ=os.environ,
)
stage = build_stage(build, ProductEnvironment(Path(sys.executable), Path(sys.prefix)))
(own,) = distributions.installed(stage.folder).values()
wheels = [digest.of_file(file) for file in (build.work / "wheel").glob("*.whl")]
print(json.dumps([own.name, own.version, stage.modules, stage.data, wheels]))
"""
SETUPTOOLS = """
[options]
packages = shop
include_package_data = False
[options.package_data]
shop = templates/*, words.txt
"""
PROJECT = '[project]\nname = "shop"\nversion = "1.2.3"\n'


def system(requires: str, backend: str, project: str = PROJECT, more: str = "") -> str:
    """Return a pyproject.toml."""
    named = f'requires = [{requires}]\nbuild-backend = "{backend}"'
    return f"[build-system]\n{named}\n{project}\n{more}"


@dataclass(frozen=True)
class Sample:
    """A project: its files beside the package `shop`, and what the product is made of."""

    files: dict[str, str]
    package: str = "shop"
    version: str = "1.2.3"
    modules: tuple[str, ...] = ("shop", "shop.main")
    same: bool = field(default=True)  # whether two builds make the same bytes


SCM = PROJECT.replace('version = "1.2.3"', 'dynamic = ["version"]')
OWN_BACKEND = """
import zipfile
from pathlib import Path
def get_requires_for_build_wheel(config_settings=None):
    return ["wheel"]
def build_wheel(folder, config_settings=None, metadata_directory=None):
    import wheel
    name = "shop-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, name), "w") as archive:
        for path in sorted(path for path in Path("shop").rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(path.as_posix()), path.read_bytes())
        info = {"METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.2.3\\n", "RECORD": ""}
        for file, text in info.items():
            archive.writestr(zipfile.ZipInfo(f"shop-1.2.3.dist-info/{file}"), text)
    return name
"""
PURE = {
    "hatchling": Sample({"pyproject.toml": system('"hatchling"', "hatchling.build")}),
    "setuptools": Sample({
        "pyproject.toml": system(
            '"setuptools>=77"', "setuptools.build_meta",
            more='[tool.setuptools]\npackages = ["shop"]\n'
            '[tool.setuptools.package-data]\nshop = ["templates/*", "words.txt"]\n',
        ),
    }),
    "setup.cfg": Sample({"setup.cfg": "[metadata]\nname = shop\nversion = 1.2.3\n" + SETUPTOOLS}),
    "setup.py": Sample({
        "setup.py": "from setuptools import setup\nsetup(name='shop', version='1.2' + '.3',"
        " packages=['shop'], package_data={'shop': ['templates/*', 'words.txt']})\n",
    }),
    "flit": Sample({
        "pyproject.toml": system(
            '"flit_core>=3.4"', "flit_core.buildapi", PROJECT + 'description = "A shop"\n'
        ),
    }),
    "pdm": Sample({"pyproject.toml": system('"pdm-backend"', "pdm.backend")}),
    "uv": Sample({
        "pyproject.toml": system(
            '"uv_build"', "uv_build", more='[tool.uv.build-backend]\nmodule-root = ""\n'
        ),
    }),
    "poetry": Sample({
        "pyproject.toml": system(
            '"poetry-core"', "poetry.core.masonry.api",
            '[tool.poetry]\nname = "shop"\nversion = "1.2.3"\ndescription = ""\nauthors = []\n',
        ),
    }),
    "src": Sample({"pyproject.toml": system('"hatchling"', "hatchling.build")}, "src/shop"),
    "own": Sample({
        "pyproject.toml": system("", "own", more="").replace(
            'build-backend = "own"', 'build-backend = "own"\nbackend-path = ["tools"]'
        ),
        "tools/own.py": OWN_BACKEND,
    }),
    "hatch-vcs": Sample({
        "pyproject.toml": system(
            '"hatchling", "hatch-vcs"', "hatchling.build", SCM,
            '[tool.hatch.version]\nsource = "vcs"\n'
            '[tool.hatch.build.hooks.vcs]\nversion-file = "shop/_version.py"\n',
        ),
        ".gitignore": "_version.py\n",
    }, version="2.5", modules=("shop", "shop._version", "shop.main")),
    "setuptools-scm": Sample({
        "pyproject.toml": system(
            '"setuptools>=77", "setuptools-scm"', "setuptools.build_meta", SCM,
            '[tool.setuptools_scm]\n[tool.setuptools]\npackages = ["shop"]\n',
        ),
    }, version="2.5"),
    "none": Sample({"pyproject.toml": PROJECT}),
    "nothing": Sample({}, version="2.5"),
}  # fmt: skip
COMPILED = {
    "maturin": Sample({
        "pyproject.toml": system(
            '"maturin>=1.8,<2", "cffi"', "maturin",
            more='[tool.maturin]\nmodule-name = "shop._native"\n',
        ),
        "Cargo.toml": '[package]\nname = "shop"\nversion = "1.2.3"\nedition = "2021"\n'
        '[lib]\nname = "shop"\ncrate-type = ["cdylib"]\n',
        "src/lib.rs": '#[no_mangle]\npub extern "C" fn three() -> i32 { 3 }\n',
    }, modules=("shop", "shop._native", "shop._native.ffi", "shop.main"), same=False),
    "scikit-build-core": Sample({
        "pyproject.toml": system('"scikit-build-core"', "scikit_build_core.build"),
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.15)\nproject(shop LANGUAGES C)\n"
        "find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)\n"
        "Python_add_library(_native MODULE native.c WITH_SOABI)\n"
        "install(TARGETS _native DESTINATION shop)\n",
        "native.c": "#include <Python.h>\n"
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_native"};\n'
        "PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&def); }\n",
    }, modules=("shop", "shop._native", "shop.main"), same=False),
    "meson-python": Sample({
        "pyproject.toml": system('"meson-python"', "mesonpy"),
        "meson.build": "project('shop', 'c', version: '1.2.3')\n"
        "py = import('python').find_installation(pure: false)\n"
        "py.extension_module('_native', 'native.c', install: true, subdir: 'shop')\n"
        "install_subdir('shop', install_dir: py.get_install_dir())\n",
        "native.c": "#include <Python.h>\n"
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_native"};\n'
        "PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&def); }\n",
    }, modules=("shop", "shop._native", "shop.main"), same=False),
}  # fmt: skip


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of builds, with a cache of their own."""
    cache = tmp_path_factory.mktemp("cache")
    cache.chmod(0o700)
    return {**os.environ, "FROSTLINE_CACHE": str(cache)}


def git(folder: Path, *words: str) -> str:
    """Return the output of a git command in *folder*."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]
    argv = ["git", *identity, *words]
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def laid_out(folder: Path, sample: Sample, *, tag: str = "v2.5") -> Path:
    """Write the project of *sample* into the new *folder*, as a repository with one commit."""
    files = sample.files | {
        f"{sample.package}/__init__.py": "",
        f"{sample.package}/main.py": "def main(): pass\n",
        f"{sample.package}/templates/index.html": "<p>shop</p>\n",
        f"{sample.package}/words.txt": "one two\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", tag)
    return folder


def opened(project: Path, environ: dict[str, str], source: str = ".") -> Build:
    """Return the build of *project*."""
    return Build(
        workspace=Workspace(project), target=Target("shop", platforms.host()),
        profile=plain.profile(source=source), environ=environ,
    )  # fmt: skip


def content(project: Path) -> str:
    """Return the digest of all files of *project* but the build folder, its `.git` included."""
    places = sorted(path for path in project.iterdir() if path.name != "build")
    return digest.of_values({
        path.name: digest.of_folder(path)[0] if path.is_dir() else digest.of_file(path)
        for path in places
    })  # fmt: skip


def offline() -> list[str]:
    """Return the words that run a command without network, none where that is impossible."""
    words = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and subprocess.run([*words, "true"], check=False).returncode == 0:
        return words
    return []


def stage(project: Path, environ: dict[str, str], source: str = ".") -> list[object]:
    """Lay the product out without network; return name, version, modules, data, wheels."""
    argv = [*offline(), sys.executable, "-c", LAY_OUT, str(project), source]
    env = environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(sample: Sample, folder: Path, environ: dict[str, str]) -> None:
    """Prepare the project with a network and lay it out twice without; nothing else changes."""
    project = laid_out(folder, sample)
    before = content(project)
    if "build" in "".join(sample.files.values()) or "setup" in "".join(sample.files):
        wheel.build_wheel(opened(project, environ))
    assert content(project) == before
    first = stage(project, environ)
    assert content(project) == before
    name, version, modules, data, _ = first
    assert (name, version) == (folder.name if not sample.files else "shop", sample.version)
    assert modules == [*sample.modules]
    assert isinstance(data, list)
    assert {"shop/templates/index.html", "shop/words.txt"} <= set(data)
    assert not [path for path in data if path.endswith((".py", ".c", ".toml"))]
    second = stage(project, environ)
    assert (second if sample.same else second[:4]) == (first if sample.same else first[:4])
    assert content(project) == before
    assert git(project, "status", "--porcelain") in {"", "?? build/\n"}


@pytest.mark.parametrize("name", PURE)
def test_backend(name: str, tmp_path: Path, environ: dict[str, str]) -> None:
    """The wheel holds modules and data, twice the same, without network and in the user's peace."""
    check(PURE[name], tmp_path / name, environ)


@pytest.mark.slow("src/frostline/source")
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_backend(name: str, tmp_path: Path, environ: dict[str, str]) -> None:
    """Backends with a compiler work the same way; the extension module is a module."""
    if not shutil.which({"maturin": "cargo"}.get(name, "cc")):
        pytest.skip("no compiler")
    check(COMPILED[name], tmp_path / name, environ)


VERSIONED = PURE["setuptools-scm"]


def test_a_worktree_a_shallow_clone_and_a_part_of_a_repository(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """The version comes from the tags of the repository, wherever its objects lie."""
    main = laid_out(tmp_path / "main", VERSIONED)
    wheel.build_wheel(opened(main, environ))
    git(main, "worktree", "add", "-q", str(tmp_path / "tree"))
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{main}", "shallow")
    git(tmp_path, "init", "-q", "other")
    for project in (tmp_path / "tree", tmp_path / "shallow"):
        assert stage(project, environ)[1] == "2.5"
    text = (main / "pyproject.toml").read_text(encoding="utf-8")
    deep = text.replace("[tool.setuptools_scm]", '[tool.setuptools_scm]\nroot = ".."')
    part = tmp_path / "whole" / "part"
    part.mkdir(parents=True)
    laid_out(part, Sample({"pyproject.toml": deep, "../README": "more"}))
    shutil.rmtree(part / ".git")
    git(part.parent, "init", "-q")
    git(part.parent, "add", ".")
    git(part.parent, "commit", "-q", "-m", "first")
    git(part.parent, "tag", "v3.0")
    assert stage(part.parent, environ, "part")[1] == "3.0"


def test_changes_after_the_tag_are_in_the_version(tmp_path: Path, environ: dict[str, str]) -> None:
    """A changed file makes the same version as it does in the user's own folder."""
    project = laid_out(tmp_path / "shop", VERSIONED)
    wheel.build_wheel(opened(project, environ))
    (project / "shop" / "main.py").write_text("changed = True\n", encoding="utf-8")
    version = str(stage(project, environ)[1])
    assert version.startswith("2.6.dev0+g")


def test_generated_files_that_git_ignores_are_in_the_wheel(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """A built web page in the package, or one that is forced into the wheel, is there."""
    sample = Sample({
        "pyproject.toml": system(
            '"hatchling"', "hatchling.build", PROJECT,
            '[tool.hatch.build]\nartifacts = ["shop/static/*.js"]\n'
            '[tool.hatch.build.targets.wheel.force-include]\n"web/dist" = "shop/web"\n',
        ),
        ".gitignore": "*.js\ndist/\n", "shop/static/app.js": "1", "web/dist/index.html": "<p>",
    })  # fmt: skip
    project = laid_out(tmp_path / "shop", sample)
    made = zipfile.ZipFile(wheel.build_wheel(opened(project, environ))).namelist()
    assert {"shop/static/app.js", "shop/web/index.html"} <= set(made)


def test_an_error_of_the_backend_names_the_users_files(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """The message has the last lines, with the path of the user's folder, not of the copy."""
    sample = Sample({"setup.py": "import pathlib\nraise SystemExit(pathlib.Path().absolute())\n"})
    project = laid_out(tmp_path / "shop", sample)
    with pytest.raises(BuildError) as caught:
        wheel.build_wheel(opened(project, environ))
    assert str(project) in "\n".join(caught.value.tail)
    assert "source/" not in "\n".join(caught.value.tail)


def test_a_wrong_build_system(tmp_path: Path, environ: dict[str, str]) -> None:
    """A table that is no build system is one message."""
    project = laid_out(tmp_path / "shop", Sample({"pyproject.toml": "[build-system]\nx = 1\n"}))
    with pytest.raises(BuildError, match="requires"):
        wheel.build_wheel(opened(project, environ))


def test_without_git(tmp_path: Path, environ: dict[str, str]) -> None:
    """Where there is no repository, the wheel is built all the same."""
    project = laid_out(tmp_path / "shop", PURE["setuptools"])
    shutil.rmtree(project / ".git")
    assert stage(project, environ)[1] == "1.2.3"
