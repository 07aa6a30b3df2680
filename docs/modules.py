"""Every module and every test file with the first line of its docstring, for `docs/modules.md`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_HEAD = """\
# Modules

Generated from the docstrings by `docs/pages.py`; do not edit it. Look here for the file that a
change belongs to. [architecture.md](architecture.md) says how the packages work together, and which
files the most likely changes go to.
"""


def markdown() -> str:
    """Return the page: the packages of the code, then the tests that are not unit tests."""
    lines = [_HEAD, "## Code"]
    for package in ("src/frostline", "src/frostline_runtime"):
        for folder in [ROOT / package, *sorted(_packages(ROOT / package))]:
            lines += ["", f"### {_name(folder)}", "", _summary(folder / "__init__.py"), ""]
            lines += ["| module | what it does | unit test |", "|---|---|---|"]
            for file in sorted(folder.glob("*.py")):
                if file.name not in {"__init__.py", "__main__.py"}:
                    lines.append(f"| `{file.name}` | {_summary(file)} | {_unit_test(file)} |")
    lines += ["", "## Tests of whole products", ""]
    lines += ["| file | what it proves |", "|---|---|"]
    for kind in ("integration", "faults", "hooks", "workflows", "strangers"):
        tests = sorted((ROOT / "tests" / kind).glob("test_*.py"))
        lines += [f"| `tests/{kind}/{test.name}` | {_summary(test)} |" for test in tests]
    return "\n".join(lines) + "\n"


def _packages(folder: Path) -> Iterator[Path]:
    return (init.parent for init in folder.glob("*/__init__.py"))


def _name(folder: Path) -> str:
    return folder.relative_to(ROOT / "src").as_posix()


def _summary(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("|", "\\|")


def _unit_test(file: Path) -> str:
    path = ROOT / "tests" / "unit" / _name(file.parent) / f"test_{file.name}"
    return f"`{path.name}`" if path.is_file() else ""
