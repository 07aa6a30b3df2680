"""Guards of the layout: who may import what, who may start processes, who may print."""

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
NAMELESS = {"utils", "helpers", "common", "base", "manager"}
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


def room_of(module: str) -> str:
    """Return the package that *module* lies in, or the module itself at the top: `audit`."""
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
    rooms = {room_of(name) for name in modules_imported(path) if name.startswith(f"{side}.")}
    assert rooms <= ALLOWED[side, room_of(module)]


@pytest.mark.parametrize("side", ["frostline", "frostline_runtime"])
def test_the_table_has_no_circle(side: str) -> None:
    """What a package may import is above it in the table, and the table names all there are."""
    rooms = [name for of, name in ALLOWED if of == side]
    assert {(side, room_of(name)) for name in MODULES if name.startswith(f"{side}.")} == {
        (side, room) for room in rooms
    }
    for number, room in enumerate(rooms):
        assert ALLOWED[side, room] <= {*rooms[: number + 1], side}


@pytest.mark.parametrize("side", ["frostline", "frostline_runtime"])
def test_the_drawing_shows_the_imports(side: str) -> None:
    """An arrow is an import that no longer way of arrows shows."""
    graph: dict[str, set[str]] = {}
    for path in BOTH:
        if (module := module_of(path)).startswith(f"{side}."):
            rooms = {
                room_of(name) for name in modules_imported(path) if name.startswith(side + ".")
            }
            graph.setdefault(room_of(module), set()).update(rooms - {room_of(module)})

    def below(room: str) -> set[str]:
        return graph[room].union(*(below(other) for other in graph[room]))

    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", SECTIONS[side], re.MULTILINE))
    assert drawn == {
        (room, other)
        for room, others in graph.items()
        for other in others - set().union(*(below(between) for between in others))
    }


def test_modules_import_in_no_circle() -> None:
    """A newcomer can read each module after those that it imports."""
    graph = {module_of(path): modules_imported(path) - {module_of(path)} for path in BOTH}
    assert [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("path", RUNTIME, ids=module_of)
def test_run_time_imports_the_standard_library_only(path: Path) -> None:
    """Its start-up and size are every user's."""
    allowed = sys.stdlib_module_names | {"frostline_runtime"}
    assert {name.partition(".")[0] for name in imported(path)} <= allowed


@pytest.mark.parametrize("path", BUILD, ids=module_of)
def test_build_side_takes_only_shared_modules_of_the_run_time(path: Path) -> None:
    """The rest of the run time is for artifacts."""
    used = [name for name in imported(path) if name.startswith("frostline_runtime.")]
    assert [name for name in used if not name.startswith(SHARED)] == []


@pytest.mark.parametrize("path", BOTH, ids=module_of)
def test_modules_have_a_name_of_their_own(path: Path) -> None:
    """A module is named by what it knows."""
    assert path.stem not in NAMELESS


@pytest.mark.parametrize("path", [path for path in BOTH if path.stem == "__init__"], ids=module_of)
def test_packages_say_what_they_are_for(path: Path) -> None:
    """An `__init__` of a package holds its docstring only; frostline's and system's hold more."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert ast.get_docstring(ast.Module(body, []))
    assert len(body) == 1 or module_of(path) in {"frostline", "frostline_runtime.system"}


@pytest.mark.parametrize("path", BUILD, ids=module_of)
def test_only_command_starts_processes(path: Path) -> None:
    """One place decides about shells, pipes, groups and encodings."""
    assert ("subprocess" in set(imported(path))) == (module_of(path) == "frostline.core.command")


@pytest.mark.parametrize("path", BOTH, ids=module_of)
def test_the_system_is_asked_in_few_places(path: Path) -> None:
    """`sys.platform` belongs to the table of platforms and to the system modules."""
    if path.stem != "platforms" and path.parent.name != "system":
        assert "sys.platform" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", BUILD, ids=module_of)
def test_only_log_prints(path: Path) -> None:
    """Results go to stdout and the rest to stderr in one place."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if _prints(node)]
    assert not calls or module_of(path) == "frostline.core.log"


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
    code = (
        "import frostline.cli.verbs, sys; print(*{'lief', 'urllib3', 'cyclonedx'} & {*sys.modules})"
    )
    assert not subprocess.check_output([sys.executable, "-c", code], text=True).strip()
