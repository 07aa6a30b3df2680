"""Tests each hook by a freeze: the package works frozen with the hook and fails without it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from frostline.source import environment, freezer
from frostline.source.environment import ProductEnvironment

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "resources" / "requirements"
LLAMA_CPP = "llama-cpp-python==0.3.36"
# Without optimisation the build takes two minutes; the test needs no speed.
LLAMA_CPP_BUILD = (
    "-DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_C_FLAGS_DEBUG=-O0 "
    "-DGGML_NATIVE=OFF -DLLAMA_OPENSSL=OFF -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF"
)

Product = Callable[[str], ProductEnvironment]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Return a function that makes the clean environment of a product."""
    folder = tmp_path_factory.mktemp("environments")

    def make(name: str) -> ProductEnvironment:
        lock = environment.read_lock(LOCKS / f"{name}.txt")
        return environment.create(name, lock, environ=os.environ, log_file=folder / "log")

    return make


def freeze(python: Path, folder: Path, code: str, *, hooks: bool) -> Path:
    """Return the folder of the bundle that PyInstaller alone makes of *code*.

    It is frostline's PyInstaller, if that of *python* is not another.
    """
    tools = freezer.create(os.environ, folder / "log")
    script = folder / "snippet.py"
    script.write_text(code, encoding="utf-8")
    argv = [str(python), "-P", "-m", "PyInstaller", "--noconfirm", "--log-level=WARN"]
    argv += ["--additional-hooks-dir", str(ROOT / "hooks")] if hooks else []
    subprocess.run(
        [*argv, str(script)], cwd=folder, check=True, env={**os.environ, **freezer.variables(tools)}
    )
    return folder / "dist" / "snippet"


def run(bundle: Path) -> subprocess.CompletedProcess[str]:
    """Run the frozen snippet."""
    argv = [str(bundle / "snippet")]
    return subprocess.run(argv, check=False, capture_output=True, text=True, env={})


@pytest.mark.product("A8")
@pytest.mark.parametrize(("hooks", "expected"), [(True, "True"), (False, "False")])
def test_tiktoken(product: Product, tmp_path: Path, expected: str, *, hooks: bool) -> None:
    """The package tiktoken finds its encodings with the hook only."""
    code = "import tiktoken; print('cl100k_base' in tiktoken.list_encoding_names())"
    bundle = freeze(product("argo").python, tmp_path, code, hooks=hooks)
    assert run(bundle).stdout.strip() == expected


def test_xllamacpp(product: Product, tmp_path: Path) -> None:
    """With the hook, xllamacpp loads, knows its version, and does not collect numpy."""
    code = (
        "from importlib.metadata import version\n"
        "import xllamacpp\n"
        "print(xllamacpp.CommonParams().port, version('xllamacpp'))\n"
    )
    bundle = freeze(product("tinyllama").python, tmp_path, code, hooks=True)
    done = run(bundle)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1][0].isdigit()
    assert not list(bundle.rglob("numpy"))


@pytest.fixture(scope="module")
def llama_cpp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with llama-cpp-python, built from source."""
    if not shutil.which("cmake") and not shutil.which("gcc"):
        pytest.skip("needs a compiler")
    folder = tmp_path_factory.mktemp("llama_cpp")
    env = {**os.environ, "CMAKE_ARGS": LLAMA_CPP_BUILD}
    pip = [sys.executable, "-m", "pip"]
    exclude = "wheel.exclude=lib/**;include/**;bin/**"
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "-w", str(folder), LLAMA_CPP, "-C", exclude],
        env=env,
        check=True,
    )
    wheel = next(folder.glob("*.whl"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    into = [*pip, "--python", str(python), "install", "-q"]
    freezer = ["--require-hashes", "--no-deps", "-r", str(LOCKS / "freezer.txt")]
    subprocess.run([*into, *freezer], check=True)
    subprocess.run([*into, str(wheel)], check=True)
    return python


@pytest.mark.product("A9")
@pytest.mark.slow("hooks")
@pytest.mark.parametrize("hooks", [True, False])
def test_llama_cpp(llama_cpp: Path, tmp_path: Path, *, hooks: bool) -> None:
    """llama_cpp loads its libraries with the hook; without it the frozen program fails."""
    code = "import llama_cpp; llama_cpp.llama_backend_init(); print('loaded')"
    done = run(freeze(llama_cpp, tmp_path, code, hooks=hooks))
    assert ("loaded" in done.stdout) == hooks, done.stderr
    assert hooks or "Shared library" in done.stderr or "not found" in done.stderr
