# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2026.4", "virtualenv"]
# ///
"""The nox sessions for developers and CI; `nox -l` lists them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import nox

nox.needs_version = ">=2026.4"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"

LOCKS = Path("resources/requirements")
APPS = ("argo", "rag", "tinyllama")
PLATFORMS = ("linux", "darwin", "win32")
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
# It does not know that `$/` is this repository at the commit of the workflow.
UNKNOWN_TO_ACTIONLINT = r'^reusable workflow call "\$/\.github/workflows/\w+\.yml" at "uses" is not'


def configured_for_pip() -> bool:
    """Return whether pip has an index of its own, in a file or a variable that uv does not read."""
    argv = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return "index-url" in done.stdout


nox.options.default_venv_backend = "virtualenv" if configured_for_pip() else "uv|virtualenv"


def install(session: nox.Session, lock: str, *, frostline: bool = True) -> None:
    """Install the hashed lock *lock* and, unless *frostline* is false, frostline in place."""
    session.install("--require-hashes", "--no-deps", "-r", str(LOCKS / f"{lock}.txt"))
    if frostline:
        session.install("--no-build-isolation", "--no-deps", "-e", ".")


def invoke(session: nox.Session, *words: str) -> None:
    """Run a verb of frostline; after Ctrl-C it has time to remove what it has half-made.

    Its warnings do not get into its result, as nox would have it.
    """
    session.run("invoke", *words, stderr=None, interrupt_timeout=30.0)


@nox.session
def build(session: nox.Session) -> None:
    """Freeze argo for this platform and prove it; `-- FLAGS` are those of `invoke build`."""
    install(session, "build")
    named = any(word.partition("=")[0] == "--product" for word in session.posargs)
    invoke(session, "build", *(() if named else ("--product", "argo")), *session.posargs)


@nox.session
def verb(session: nox.Session) -> None:
    """Run a verb of frostline, for example `-s verb -- doctor`."""
    install(session, "build")
    invoke(session, *session.posargs)


@nox.session
def artifact(session: nox.Session) -> None:
    """Build, prove and pack a product."""
    install(session, "build")
    for step in ("wheels", "build", "package"):
        invoke(session, step, *session.posargs)


def run_tests(
    session: nox.Session, *options: str, program: Sequence[str] = ("pytest",),
    env: Mapping[str, str] = MappingProxyType({}), success_codes: Sequence[int] = (0,),
) -> None:  # fmt: skip
    """Run pytest with *options* in two processes, each file of tests in one of them."""
    sources = os.pathsep.join(str(Path(f"apps/{app}/src").resolve()) for app in APPS)
    workers = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    env = {"PYTHONPATH": sources, **env}
    session.run(*program, *workers, *options, env=env, success_codes=success_codes)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the fast tests, and the slow ones whose inputs differ from FROSTLINE_BASE."""
    install(session, "tests")
    run_tests(session, *(session.posargs or ["--lane=ci"]))


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests (arm64, images, llama.cpp), unit tests in random order, and the soaks."""
    install(session, "tests")
    run_tests(session, "--lane=slow", *session.posargs)
    run_tests(session, "tests/unit", "--random-order-bucket=global", "--random-order")
    soak_run(session)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the fast tests, or those that are named; show which lines they run, children included."""
    install(session, "tests")
    folder = Path("build/coverage").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Absolute, since children of tests run in other folders.
    env = {
        "COVERAGE_FILE": str(folder / "data"),
        "COVERAGE_RCFILE": str(Path("pyproject.toml").resolve()),
    }
    session.run("coverage", "erase", env=env)
    chosen = session.posargs or ["--lane=fast"]
    run_tests(
        session, *chosen, program=("coverage", "run", "-m", "pytest"), env=env, success_codes=[0, 1]
    )
    session.run("coverage", "combine", "--quiet", env=env)
    session.run("coverage", "report", env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the format and rules of the code and the workflows."""
    install(session, "lint", frostline=False)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    workflows = sorted(str(path) for path in Path(".github/workflows").glob("*.yml"))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    dependabot = ".github/dependabot.yml"
    session.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", dependabot)
    session.run("yamllint", "--strict", ".github", ".yamllint.yml")
    session.run("zizmor", "--offline", "--strict-collection", "--persona=pedantic", ".github")
    if shutil.which("go"):
        # Without other linters, which some machines have: the same answer everywhere.
        options = ("-shellcheck=", "-pyflakes=", "-ignore", UNKNOWN_TO_ACTIONLINT)
        session.run("go", "run", ACTIONLINT, *options, external=True)
    else:
        session.warn("actionlint is left out: it needs Go, and go is not on PATH")


@nox.session
def types(session: nox.Session) -> None:
    """Check types for all three systems."""
    install(session, "types")
    for platform in PLATFORMS:
        session.run("mypy", f"--platform={platform}")


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated pages; `-- --check` names stale ones."""
    install(session, "build")
    session.run("python", "docs/pages.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure start, size, supervisor, downloads and tracing, compared with other tools."""
    install(session, "tests")
    session.run("python", "bench/start.py", *session.posargs)
    session.run("python", "bench/supervisors.py")
    session.run("python", "bench/download.py")
    session.run("python", "bench/evidence.py")


@nox.session
def breaks(session: nox.Session) -> None:
    """Break a line for each row of docs/products.md; its test must fail: `-- --fast`, `-- A1`."""
    install(session, "tests")
    session.run("python", "tests/rows/breaks.py", *session.posargs)


@nox.session
def strangers(session: nox.Session) -> None:
    """Build strangers' projects with frostline and plain PyInstaller: `-- Flask`, `-- uv.lock`."""
    install(session, "tests")
    session.run("python", "tests/strangers/table.py", *session.posargs)


@nox.session
def mutations(session: nox.Session) -> None:
    """Change the code in small ways; a unit test must notice each: `-- release/sign.py`."""
    install(session, "tests")
    session.run("python", "tests/mutations/mutate.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Test the state machine at length, then inject random faults for ten minutes."""
    install(session, "tests")
    soak_run(session, *session.posargs)


def soak_run(session: nox.Session, *options: str) -> None:
    """Test the state machine at length, then inject random faults; *options* are of soak.py."""
    states = "tests/unit/frostline_runtime/supervision/test_transitions.py"
    session.run("pytest", states, "--hypothesis-profile=long")
    session.run("python", "tests/faults/soak.py", *options)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the GGUF reader for a minute (Linux)."""
    install(session, "fuzz", frostline=False)
    options = session.posargs or ["-max_total_time=60"]
    session.run("python", "tests/fuzz/gguf_reader.py", *options, env={"PYTHONPATH": "src"})


@nox.session
def dist(session: nox.Session) -> None:
    """Build frostline's own package."""
    install(session, "release", frostline=False)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", "build/dist")


@nox.session
def upload(session: nox.Session) -> None:
    """Upload frostline's own package to the Python index; works in the release workflow only."""
    install(session, "release", frostline=False)
    files = sorted(map(str, Path("build/dist").iterdir()))
    session.run("uv", "publish", "--trusted-publishing=always", *files)


@nox.session
def notes(session: nox.Session) -> None:
    """Write the text of a release page from the changelog fragments, with `-- v1.2.0`."""
    install(session, "release", frostline=False)
    version = session.posargs[0].removeprefix("v")
    Path("build").mkdir(exist_ok=True)
    with Path("build/notes.md").open("w", encoding="utf-8") as file:
        session.run("towncrier", "build", "--draft", "--version", version, stdout=file)


@nox.session
def lock(session: nox.Session) -> None:
    """Write all locks again, and which wheels the products' locks have; review the changes."""
    session.install("uv")
    options = ("--universal", "--generate-hashes", "--no-emit-index-url", "--no-header")
    for source in sorted(LOCKS.glob("*.in")):
        output = str(source.with_suffix(".txt"))
        session.run(
            "uv", "pip", "compile", "--quiet", *options, "--no-annotate", "--python-version=3.11",
            str(source), "-o", output, *session.posargs,
        )  # fmt: skip
    install(session, "build")
    invoke(session, "matrix", "--record", "--python=3.11")


if __name__ == "__main__":
    nox.main()
