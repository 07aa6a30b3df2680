"""The table of breaks matches the code and the tests; `nox -s breaks` makes the breaks."""

from pathlib import Path

import pytest
import rows
from breaks import BREAKS, Break

ROOT = Path(__file__).resolve().parents[2]


def test_each_proven_row_is_broken_once() -> None:
    """Each row that has a test has exactly one break."""
    assert sorted(item.row for item in BREAKS) == sorted(rows.proofs())


@pytest.mark.parametrize("item", BREAKS, ids=[item.row for item in BREAKS])
def test_the_line_is_there_and_the_test_is_the_row_s(item: Break) -> None:
    """The replaced text occurs once in its file, and the test has the row's marker."""
    assert (ROOT / item.file).read_text(encoding="utf-8").count(item.old) == 1
    file, _, test = item.test.partition("::")
    assert {rows.Proof(file, test), rows.Proof(file, "")} & set(rows.proofs()[item.row])
    assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8")
