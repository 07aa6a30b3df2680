"""Guards of the layout: who may import what, who may start processes, who may print."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
BUILD = sorted((SOURCE / "frostline").rglob("*.py"))
RUNTIME = sorted((SOURCE / "frostline_runtime").rglob("*.py"))
# The order of the build side: a module imports only from those before it.
ORDER = [
    "errors",
    "log",
    "command",
    "platforms",
    "places",
    "workspace",
    "matrix",
    "resources",
    "toml_lines",
    "profile",
    "reference",
    "mistakes",
    "profile_file",
    "pins",
    "fetch",
    "digest",
    "environment",
    "distributions",
    "stage",
    "evidence",
    "prune",
    "venv",
    "version_resource",
    "collect",
    "instance",
    "play",
    "archive",
    "isolation",
    "trial",
    "preflight",
    "tracer",
    "tracing",
    "provenance",
    "freeze",
    "smoke",
    "policy",
    "engine",
    "image",
    "container",
    "findings",
    "parity",
    "contents",
    "native",
    "wheels",
    "leaks",
    "ratchet",
    "gaps",
    "audit",
    "sbom",
    "package",
    "github",
    "remote",
    "publish",
    "shells",
    "sign",
    "explain",
    "treemap",
    "packing",
    "model_server",
    "pipeline",
    "anywhere",
    "doctor",
    "show",
    "typed",
    "tasks",
    "cli",
]
# What an artifact must not import before its first line of output: 10 ms and more each.
EXPENSIVE = [
    "asyncio",
    "http.client",
    "http.server",
    "email",
    "ssl",
    "argparse",
    "logging",
    "multiprocessing",
    "importlib.metadata",
    "urllib.request",
    "subprocess",
]


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of everything that the file at *path* imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: path.stem)
def test_run_time_imports_the_standard_library_only(path: Path) -> None:
    """Its start-up and size are every user's."""
    allowed = sys.stdlib_module_names | {"frostline_runtime"}
    assert {name.partition(".")[0] for name in imported(path)} <= allowed


@pytest.mark.parametrize("path", BUILD, ids=lambda path: path.stem)
def test_build_side_imports_one_way(path: Path) -> None:
    """A module of the build side imports only from modules before it in the order."""
    if path.stem == "__init__":
        return
    own = [name.split(".")[1] for name in imported(path) if name.startswith("frostline.")]
    position = ORDER.index(path.stem)
    assert {name for name in own if name in ORDER and ORDER.index(name) >= position} == set()


@pytest.mark.parametrize("path", BUILD, ids=lambda path: path.stem)
def test_build_side_takes_only_pure_modules_of_the_run_time(path: Path) -> None:
    """The manifest crosses from build time to run time, and pure functions."""
    pure = (
        "frostline_runtime.manifest",
        "frostline_runtime.probe.resolve_pointer",
        *(
            f"frostline_runtime.{name}"
            for name in ("ape", "download", "filetypes", "gguf", "llamafile", "parts", "transfer")
        ),
        "frostline_runtime.preparation",
    )
    used = [name for name in imported(path) if name.startswith("frostline_runtime.")]
    assert [name for name in used if not name.startswith(pure)] == []


@pytest.mark.parametrize("path", BUILD, ids=lambda path: path.stem)
def test_only_command_starts_processes(path: Path) -> None:
    """One place decides about shells, pipes, groups and encodings."""
    assert ("subprocess" in set(imported(path))) == (path.stem == "command")


@pytest.mark.parametrize("path", [*BUILD, *RUNTIME], ids=lambda path: path.stem)
def test_the_system_is_asked_in_few_places(path: Path) -> None:
    """`sys.platform` belongs to the table of platforms and to the system modules."""
    if path.stem != "platforms" and path.parent.name != "system":
        assert "sys.platform" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", BUILD, ids=lambda path: path.stem)
def test_only_log_prints(path: Path) -> None:
    """Results go to stdout and the rest to stderr in one place."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if _prints(node)]
    assert not calls or path.stem == "log"


def test_import_budget_of_the_run_time() -> None:
    """The entry imports nothing expensive before it knows what is asked for."""
    code = (
        "import sys; import frostline_runtime.entry; "
        f"print(*[name for name in {EXPENSIVE!r} if name in sys.modules])"
    )
    argv = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {code}"]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.split() == []


def _prints(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def test_changes_are_named_by_issue_and_kind() -> None:
    """A fragment with another name would be missing from the changelog, without a word."""
    kinds = "feature|fix|removal|deprecation|doc|misc"
    names = [path.name for path in (ROOT / "changes").iterdir() if path.name != ".gitignore"]
    assert [name for name in names if not re.fullmatch(rf"\d+\.({kinds})(\.\d+)?\.md", name)] == []


def test_verbs_start_without_what_few_of_them_need() -> None:
    """Reading native files and speaking to GitHub cost 0.4 s to import."""
    code = "import frostline.tasks, sys; print(*{'lief', 'urllib3', 'cyclonedx'} & {*sys.modules})"
    assert not subprocess.check_output([sys.executable, "-c", code], text=True).strip()
