"""The table of exit codes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import frostline_runtime
from frostline_runtime import exit_codes
from frostline_runtime.exit_codes import EXIT_CODES

ROOT = Path(frostline_runtime.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path.stem != "exit_codes"]
# 0 and 1 are returned for other things, too.
NUMBERS = {number for number, _, _ in EXIT_CODES} - {exit_codes.OK, exit_codes.FAILED}


def test_each_number_has_one_name_and_one_sentence() -> None:
    """Every constant of the module is in the table once."""
    constants = {name: value for name, value in vars(exit_codes).items() if isinstance(value, int)}
    assert {name: number for number, name, _ in EXIT_CODES} == constants
    assert len(EXIT_CODES) == len(constants) == len(set(constants.values()))
    assert [number for number, _, _ in EXIT_CODES] == sorted(constants.values())
    assert all(meaning.endswith(".") for _, _, meaning in EXIT_CODES)


def bare(tree: ast.Module) -> Iterator[int]:
    """Yield the exit codes that *tree* has as plain numbers where exit codes are used."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(returns=ast.Name("int")):
                for part in ast.walk(node):
                    if isinstance(part, ast.Return):
                        yield from numbers(part)
            case ast.Compare(left=left) if ast.unparse(left).endswith("code"):
                yield from numbers(node)
            case ast.Call() if "exit" in ast.unparse(node):
                yield from numbers(node)
            case ast.Assign(value=ast.Constant()):
                yield from (number for number in numbers(node) if number > 3)
            case _:
                pass


def numbers(tree: ast.AST) -> set[int]:
    """Return the exit codes among the numbers in *tree*."""
    parts = [part.value for part in ast.walk(tree) if isinstance(part, ast.Constant)]
    return {part for part in parts if type(part) is int} & NUMBERS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_other_modules_use_the_constants(path: Path) -> None:
    """No other module returns, compares or names one of these numbers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(bare(tree)) == []


@pytest.mark.parametrize(
    "text",
    [
        "CODE = 78",
        "def f() -> int:\n    return 75",
        "def f() -> int:\n    return 69 if x else 0",
        "sys.exit(76)",
        "threading.Timer(1, os._exit, (77,))",
        "done = event.code == 98",
        "replace(model, exit_code=70)",
    ],
)
def test_a_bare_number_is_found(text: str) -> None:
    """The check for bare numbers finds one."""
    assert list(bare(ast.parse(text)))
