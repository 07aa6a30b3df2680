"""Rules of the layout: which modules may import what, start processes, and print."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
BUILD = sorted((SOURCE / "frostline").rglob("*.py"))
RUNTIME = sorted((SOURCE / "frostline_runtime").rglob("*.py"))
BOTH = [*BUILD, *RUNTIME]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
# A row of the tables in docs/architecture.md: | `name` | what it is for | `may`, `import` |
ROW = re.compile(r"^\| `([\w./]+)` \| .* \|([^|]*)\|$", re.MULTILINE)
# The build side may import these of the run time.
SHARED = (
    "frostline_runtime.artifact.json_pointer",
    "frostline_runtime.artifact.manifest",
    "frostline_runtime.download",
    "frostline_runtime.exit_codes",
    "frostline_runtime.model.ape",
    "frostline_runtime.model.gguf",
    "frostline_runtime.model.llamafile",
    "frostline_runtime.model.preparation",
)
# The modules of the build side that start processes, and what they import to do it.
STARTERS = {"frostline.core.command": "subprocess", "frostline.smoke.isolation": "multiprocessing"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "manager"}
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


def module_of(path: Path) -> str:
    """Return the full name of the module at *path*."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def package_of(module: str) -> str:
    """Return the package of *module*, such as `audit`, or the module itself at the top."""
    return module.split(".")[1] if "." in module else module


MODULES = {module_of(path) for path in BOTH}
SECTIONS = {
    "frostline": ARCHITECTURE.partition("## Build time")[2].partition("\n## ")[0],
    "frostline_runtime": ARCHITECTURE.partition("## Run time")[2].partition("\n## ")[0],
}
ALLOWED = {
    (side, name): set(re.findall(r"`(\w+)`", allowed)) | {name, side}
    for side, section in SECTIONS.items()
    for name, allowed in ROW.findall(section)
}


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of everything that the file at *path* imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_imported(path: Path) -> set[str]:
    """Return the modules of frostline that the file at *path* imports."""
    names = imported(path)
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} & MODULES


@pytest.mark.parametrize("path", BOTH, ids=module_of)
def test_packages_import_one_way(path: Path) -> None:
    """A package imports only those that the table in docs/architecture.md allows it."""
    module = module_of(path)
    if "." not in module:
        return
    side = module.partition(".")[0]
    packages = {package_of(name) for name in modules_imported(path) if name.startswith(f"{side}.")}
    assert packages <= ALLOWED[side, package_of(module)]


@pytest.mark.parametrize("side", ["frostline", "frostline_runtime"])
def test_the_table_has_no_circle(side: str) -> None:
    """A package imports only packages above it in the table, and the table names all packages."""
    packages = [name for of, name in ALLOWED if of == side]
    assert {(side, package_of(name)) for name in MODULES if name.startswith(f"{side}.")} == {
        (side, package) for package in packages
    }
    for number, package in enumerate(packages):
        assert ALLOWED[side, package] <= {*packages[: number + 1], side}


@pytest.mark.parametrize("side", ["frostline", "frostline_runtime"])
def test_the_drawing_shows_the_imports(side: str) -> None:
    """The arrows are the imports, without those that other arrows imply."""
    graph: dict[str, set[str]] = {}
    for path in BOTH:
        if (module := module_of(path)).startswith(f"{side}."):
            packages = {
                package_of(name) for name in modules_imported(path) if name.startswith(side + ".")
            }
            graph.setdefault(package_of(module), set()).update(packages - {package_of(module)})

    def below(package: str) -> set[str]:
        return graph[package].union(*(below(other) for other in graph[package]))

    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", SECTIONS[side], re.MULTILINE))
    assert drawn == {
        (package, other)
        for package, others in graph.items()
        for other in others - set().union(*(below(between) for between in others))
    }


def test_modules_import_in_no_circle() -> None:
    """There is an order in which each module comes after those that it imports."""
    graph = {module_of(path): modules_imported(path) - {module_of(path)} for path in BOTH}
    assert [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("path", RUNTIME, ids=module_of)
def test_run_time_imports_the_standard_library_only(path: Path) -> None:
    """The run time imports no distribution, because it is frozen into every artifact."""
    allowed = sys.stdlib_module_names | {"frostline_runtime"}
    assert {name.partition(".")[0] for name in imported(path)} <= allowed


@pytest.mark.parametrize("path", BUILD, ids=module_of)
def test_build_side_takes_only_shared_modules_of_the_run_time(path: Path) -> None:
    """The build side imports only the modules in SHARED of the run time."""
    used = [name for name in imported(path) if name.startswith("frostline_runtime.")]
    assert [name for name in used if not name.startswith(SHARED)] == []


@pytest.mark.parametrize("path", BOTH, ids=module_of)
def test_modules_have_a_name_of_their_own(path: Path) -> None:
    """A module is not called `utils`, `helpers`, `common`, `base` or `manager`."""
    assert path.stem not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", [path for path in BOTH if path.stem == "__init__"], ids=module_of)
def test_packages_say_what_they_are_for(path: Path) -> None:
    """An `__init__` of a package holds its docstring only; frostline's and system's hold more."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert ast.get_docstring(ast.Module(body, []))
    assert len(body) == 1 or module_of(path) in {"frostline", "frostline_runtime.system"}


@pytest.mark.parametrize("path", BUILD, ids=module_of)
def test_only_two_modules_start_processes(path: Path) -> None:
    """Only the modules in STARTERS import what starts processes."""
    used = {name.partition(".")[0] for name in imported(path)} & {*STARTERS.values()}
    assert used == {name for name in [STARTERS.get(module_of(path))] if name}


@pytest.mark.parametrize("path", BOTH, ids=module_of)
def test_the_system_is_asked_in_few_places(path: Path) -> None:
    """Only the table of platforms and the system modules read `sys.platform`."""
    if path.stem != "platforms" and path.parent.name != "system":
        assert "sys.platform" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", BUILD, ids=module_of)
def test_only_log_prints(path: Path) -> None:
    """On the build side only `core/log.py` calls `print`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if _prints(node)]
    assert not calls or module_of(path) == "frostline.core.log"


def test_import_budget_of_the_run_time() -> None:
    """Importing the entry of the run time imports none of the EXPENSIVE modules."""
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
    """Every fragment has a name that the changelog includes; others are left out silently."""
    kinds = "feature|fix|removal|deprecation|doc|misc"
    names = [path.name for path in (ROOT / "changes").iterdir() if path.name != ".gitignore"]
    assert [name for name in names if not re.fullmatch(rf"\d+\.({kinds})(\.\d+)?\.md", name)] == []


def test_verbs_start_without_what_few_of_them_need() -> None:
    """Reading native files and speaking to GitHub cost 0.4 s to import."""
    code = (
        "import frostline.cli.verbs, sys; print(*{'lief', 'urllib3', 'cyclonedx'} & {*sys.modules})"
    )
    assert not subprocess.check_output([sys.executable, "-c", code], text=True).strip()
