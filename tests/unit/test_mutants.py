"""Which mutants a module has, and that accepted.toml is about mutants that there are."""

from functools import cache
from pathlib import Path

import pytest
from mutants import Mutant, mutants
from survivors import Accepted, Trial, accepted, stale, unexplained

ROOT = Path(__file__).resolve().parents[2]


def changed(source: str) -> list[str]:
    """Return *source* after each of its changes."""
    return [item.apply(source.encode()).decode() for item in mutants(source.encode())]


@pytest.mark.parametrize(
    ("source", "others"),
    [
        ("a < b", ["(a <= b)", "(a >= b)"]),
        ("a is b", ["(a is not b)"]),
        ("a and b or c", ["(b) or c", "(a) or c", "(c)", "(a and b)"]),
        ("not a", ["(a)"]),
        ("if a: b", ["if (not a): b"]),
        ("a + 1", ["(a - 1)", "a + 2"]),
        ("a = True", ["a = False"]),
        ("a = 'é', 'two words', ''", ["a = 'éx', 'two words', ''", "a = 'é', 'two words', 'x'"]),
        ("a.b = c", ["pass"]),
        ("a()", ["pass"]),
        ("raise a", ["pass"]),
        ("def a(b: 'c' = 1): return b", ["def a(b: 'c' = 2): return b",
                                         "def a(b: 'c' = 1): return None"]),
    ],
)  # fmt: skip
def test_mutants(source: str, others: list[str]) -> None:
    """Operators, constants, conditions, statements and results are changed, one at a time."""
    assert sorted(changed(source)) == sorted(others)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""', "log.note('word')", "a: Literal['b']", "f'a message of {b + 1}'",
        "@a(b=True)\nclass c: pass", "a(b, encoding='latin-1')[b]", "from a import b",
    ],
)  # fmt: skip
def test_what_is_not_changed(source: str) -> None:
    """Messages, types and decorators are no decisions."""
    assert changed(source) == []


def test_a_survivor_needs_a_reason_and_a_reason_a_survivor() -> None:
    """An entry explains its own survivor; one without a survivor is stale."""
    (mutant,) = mutants(b"def f():\n    g()\n")
    entry = Accepted("m.py", "f", "why", line="g()", what="g() -> pass")
    survived, killed = (Trial("m.py", mutant, result) for result in ("survived", "killed"))
    assert unexplained([survived], []) == [survived]
    assert unexplained([survived], [entry]) == unexplained([killed], []) == []
    assert stale([killed], [entry]) == [entry]
    assert stale([survived], [entry]) == []


def test_an_entry_about_a_function_is_about_what_no_test_runs() -> None:
    """A test that runs the function and does not notice the mutant is another matter."""
    (mutant,) = mutants(b"def f():\n    g()\n")
    entry = Accepted("m.py", "f", "why")
    assert unexplained([Trial("m.py", mutant, "uncovered")], [entry]) == []
    assert unexplained([Trial("m.py", mutant, "survived")], [entry])


@cache
def mutants_of(module: str) -> tuple[Mutant, ...]:
    """Return the mutants of *module*: there are many entries about few modules."""
    return mutants((ROOT / "src" / module).read_bytes())


@pytest.mark.parametrize("entry", accepted(), ids=lambda entry: f"{entry.function}: {entry.what}")
def test_each_accepted_survivor_is_a_mutant(entry: Accepted) -> None:
    """After a change of the code its entries are changed, too."""
    assert entry.reason
    assert any(entry.is_about(entry.module, mutant) for mutant in mutants_of(entry.module))
