"""The table of the verbs' exit codes."""

import ast
from pathlib import Path

import pytest

from frostline.core import errors, exit_codes, own_files
from frostline.core.errors import FrostlineError

MODULES = [
    path for path in sorted(own_files.build_package().rglob("*.py")) if path.stem != "exit_codes"
]


def test_every_code_has_a_meaning() -> None:
    """Every constant of the module is in the table, and every error has one of the codes."""
    constants = {value for value in vars(exit_codes).values() if isinstance(value, int)}
    assert constants == set(exit_codes.EXIT_CODES)
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in classes if issubclass(kind, FrostlineError)}
    assert codes == constants - {exit_codes.DONE, exit_codes.INTERRUPTED}


def bare(text: str) -> list[str]:
    """Return where *text* has a plain number as an exit code."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Assign(targets=[ast.Name("exit_code")], value=ast.Constant(int())):
                found.append(ast.unparse(node))
            case (
                ast.Call(func=ast.Name("Exit"), keywords=[ast.keyword(value=ast.Constant(int()))])
                | ast.Call(func=ast.Attribute(attr="exit"), args=[ast.Constant(int())])
            ):
                found.append(ast.unparse(node))
            case _:
                pass
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_other_modules_use_the_constants(path: Path) -> None:
    """No other module of the build side has a code of its own."""
    assert bare(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["exit_code = 4", "raise Exit(code=3)", "sys.exit(1)"])
def test_a_bare_number_is_found(text: str) -> None:
    """The check above finds a plain number."""
    assert bare(text) == [text.removeprefix("raise ")]
