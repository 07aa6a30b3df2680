"""Which test proves which row of docs/products.md, read from the markers of the tests.

The files are parsed, not imported: collecting the tests would take half a minute.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests/**/test_*.py", "apps/*/tests/test_*.py")
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+) \|$", re.MULTILINE)

_EXCEL = "excel does not exist yet"
_TIMAO = "timao does not exist yet"

# Why a row has no test; a row that has one must not be here.
NOT_PROVEN = {
    "X2": f"{_EXCEL}; interpreters are searched for, but those that were rejected are named only "
    "where none is left",
    "X4": _EXCEL,
    "X5": "the exports are tested (tests/integration/test_shells.py), but write no capability for "
    "Tauri",
    "X6": "the tests use Node with a headless Chromium and a window of WebKitGTK, no application "
    "of Electron or Tauri",
    "T1": _TIMAO,
    "T2": f"{_TIMAO}; the control address of every artifact has such a `/health`",
    "T3": _TIMAO,
    "T4": f"{_TIMAO}; the history of every artifact has the first three tables",
    "T5": _TIMAO,
    "T8": f"{_TIMAO}; argo is built as one file and smoke-tested",
    "T9": f"{_TIMAO}; argo, rag and tinyllama are smoke-tested without a network",
    "T10": f"{_TIMAO}; the control address of every artifact keeps to both",
}


@dataclass(frozen=True, order=True)
class Proof:
    """A test that carries a row's marker; *test* is "" where the whole *file* carries it."""

    file: str
    test: str


def rows() -> dict[str, str]:
    """Return what must work, by row, as docs/products.md has it."""
    return dict(_ROW.findall((ROOT / "docs" / "products.md").read_text(encoding="utf-8")))


@cache
def proofs() -> dict[str, list[Proof]]:
    """Return the tests that prove each row, by row."""
    found: dict[str, list[Proof]] = {}
    for path in sorted(path for pattern in TESTS for path in ROOT.glob(pattern)):
        file = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            marked = node.name if isinstance(node, ast.FunctionDef) else ""
            for row in _marked_with(node):
                found.setdefault(row, []).append(Proof(file, marked))
    return found


def _marked_with(node: ast.stmt) -> Iterator[str]:
    """Yield the rows that the decorators of a test name, or a file's `pytestmark`."""
    match node:
        case ast.FunctionDef(decorator_list=marks):
            pass
        case ast.Assign(targets=[ast.Name(id="pytestmark")], value=ast.List(elts=marks)):
            pass
        case ast.Assign(targets=[ast.Name(id="pytestmark")], value=mark):
            marks = [mark]
        case _:
            return
    for mark in marks:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.product":
            yield from (str(ast.literal_eval(name)) for name in mark.args)


def markdown() -> str:
    """Return the page that lists every row with the tests that prove it."""
    proven = proofs()
    known = rows()
    lines = [
        "# Which test proves which row",
        "",
        "Generated from the markers of the tests; a test keeps it so.",
        "Each row of [products.md](products.md) is here with its first sentence.",
        "Rows of excel and timao that have tests are proven with another product.",
        "",
        f"{len(proven)} of {len(known)} rows are proven.",
        "",
        "| row | what must work | proven by |",
        "|---|---|---|",
    ]
    for row, text in known.items():
        sentence = text.partition(". ")[0].removesuffix(".")
        tests = "<br>".join(map(_link, proven.get(row, ())))
        reason = f"not proven yet: {NOT_PROVEN.get(row, 'no test')}"
        lines.append(f"| {row} | {sentence}. | {tests or reason} |")
    return "\n".join(lines) + "\n"


def _link(proof: Proof) -> str:
    name = proof.file.rpartition("/")[2]
    return f"[{name}{proof.test and f'::{proof.test}'}](../{proof.file})"
