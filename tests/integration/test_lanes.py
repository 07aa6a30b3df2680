"""The lanes take the right tests, and samples that were changed are found."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lanes
import pytest
import samples

from frostline.core import platforms
from frostline.core.workspace import Target

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("conftest.py", "pyproject.toml", "tests/conftest.py", "tests/support", "tests/products",
          "tests/integration", "tests/hooks")  # fmt: skip


def git(folder: Path, *words: str) -> None:
    """Run git in *folder*."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with these tests, and a branch called `before`."""
    folder = tmp_path_factory.mktemp("lanes") / "checkout"
    for name in COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=all")
    git(folder, "branch", "before")
    return folder


def collected(checkout: Path, *options: str, base: str = "before") -> tuple[set[str], str]:
    """Return the names of the tests in *checkout* that pytest collects, and its whole output."""
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only"]
    files = ("tests/integration/test_container.py", "tests/hooks")
    environ = {**os.environ, lanes.BASE: base}
    done = subprocess.run(
        [*argv, *options, *files], cwd=checkout, env=environ, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    return set(re.findall(r"<Function (\w+)", done.stdout)), done.stdout + done.stderr


SLOW = {"test_an_old_system", "test_another_machine", "test_llama_cpp", "test_llama_cpp_python"}
FAST = {"test_tiktoken"}


def test_the_lanes(checkout: Path) -> None:
    """`slow` has the marked tests, `fast` the others."""
    fast, _ = collected(checkout, "--lane=fast")
    slow, _ = collected(checkout, "--lane=slow")
    assert not slow & fast
    assert slow > SLOW
    assert fast > FAST


@pytest.mark.parametrize(
    ("touched", "selected"),
    [
        ("src/frostline/hosts/engine.py", {"test_an_old_system", "test_another_machine"}),
        ("hooks/hook-llama_cpp.py", {"test_llama_cpp", "test_llama_cpp_python"}),
        ("src/frostline/audit/audit.py", set()),
    ],
)
def test_touching_a_file_selects_the_tests_that_depend_on_it(
    checkout: Path, touched: str, selected: set[str]
) -> None:
    """CI runs the slow tests whose inputs were changed, and all fast ones."""
    file = checkout / touched
    before = file.read_bytes() if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write("\n# changed\n")
    taken, output = collected(checkout, "--lane=ci")
    file.unlink()
    if before is not None:
        file.write_bytes(before)
    assert taken & SLOW >= selected
    assert bool(taken & SLOW) == bool(selected)
    assert taken > FAST
    assert "slow tests run whose inputs differ" in output


@pytest.mark.parametrize(
    ("changed", "expected"),
    [("a/b", True), ("a/b/c", True), ("a/bc", False), ("a", False), ("y/a/b", False)],
)
def test_an_input_is_a_file_or_a_folder(changed: str, *, expected: bool) -> None:
    """A folder stands for all that is in it, not for what has a longer name."""
    assert lanes.differs(["x", "a/b"], ["y", changed]) == expected


@pytest.mark.parametrize(("base", "why"), [("", "it is not set"), ("gone", "gone is no commit")])
def test_without_a_base_no_slow_test_runs(checkout: Path, base: str, why: str) -> None:
    """The run says so, and why."""
    taken, output = collected(checkout, "--lane=ci", base=base)
    assert not taken & SLOW
    assert taken > FAST
    assert "no slow test runs" in output
    assert why in output


def test_changes_are_counted_from_the_merge_base(tmp_path: Path) -> None:
    """What the other branch has changed does not count; what is not committed does."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for name in ("a", "b"):
        (tmp_path / name).touch()
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=first")
    git(tmp_path, "branch", "mine")
    (tmp_path / "a").write_text("theirs", encoding="utf-8")
    git(tmp_path, "commit", "--quiet", "--all", "--message=theirs")
    git(tmp_path, "checkout", "--quiet", "mine")
    (tmp_path / "b").write_text("mine", encoding="utf-8")
    (tmp_path / "new").touch()
    assert lanes.changed_files("main", tmp_path) == frozenset({"b", "new"})
    assert lanes.changed_files("nothing", tmp_path) is None
    assert lanes.changed_files("", tmp_path) is None


def test_the_inputs_of_slow_tests_exist() -> None:
    """A marker that names a file that was moved would never select its test."""
    named = [
        argument.value
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.slow"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]
    assert named
    assert [name for name in named if not (ROOT / str(name)).exists()] == []


@pytest.mark.parametrize("what", ["", "bundle", "report", "profile", "source"])
def test_a_sample_that_was_changed_is_found(tmp_path: Path, what: str) -> None:
    """Bundle, reports, profile and sources are compared with what they were after the freeze."""
    project, target = tmp_path / "echo", Target("echo", platforms.host())
    files = {
        "bundle": project / "build" / "output" / target.name / "echo",
        "report": project / "build" / "output" / f"{target.name}.bundle.json",
        "profile": project / "specs" / "echo.toml",
        "source": project / "app" / "echo.py",
    }
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="utf-8")
    samples.record(project, target)
    assert samples.changed(tmp_path) == []
    if what:
        files[what].write_text("y", encoding="utf-8")
        assert len(samples.changed(tmp_path)) == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_that_changes_a_sample_fails(tmp_path: Path, workers: str) -> None:
    """The run names the sample and ends with exit code 1, although every test passed."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    support = repr(str(ROOT / "tests" / "support"))
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {support[1:-1]}\n", "utf-8")
    (tmp_path / "test_it.py").write_text(
        "import samples\n"
        "from frostline.core.workspace import Target\n"
        "from frostline.core import platforms\n"
        "def test_it(tmp_path_factory, request):\n"
        "    base = tmp_path_factory.getbasetemp()\n"
        "    base = base.parent if hasattr(request.config, 'workerinput') else base\n"
        "    project, target = base / 'samples' / 'echo', Target('echo', platforms.host())\n"
        "    bundle = project / 'build' / 'output' / target.name\n"
        "    bundle.mkdir(parents=True)\n"
        "    (project / 'specs').mkdir()\n"
        "    samples.record(project, target)\n"
        "    (bundle / 'more').touch()\n",
        encoding="utf-8",
    )
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", workers]
    argv += ["--basetemp", str(tmp_path / "temporary")]
    done = subprocess.run(argv, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert f"echo-{platforms.host().name}: echo-{platforms.host().name}" in done.stdout
    assert done.returncode == 1
