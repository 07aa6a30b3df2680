"""Generated pages are current, and the table of rows matches the tests' markers."""

import pages
import rows


def test_every_page_is_current() -> None:
    """`python docs/pages.py` would change nothing."""
    assert [path.name for path in pages.stale()] == []


def test_markers_name_rows_that_exist() -> None:
    """A row that a marker names is in docs/products.md."""
    assert set(rows.proofs()) <= set(rows.rows())


def test_a_row_has_tests_or_a_reason() -> None:
    """A row without a test has a reason, and a row with a test has none."""
    assert set(rows.NOT_PROVEN) == set(rows.rows()) - set(rows.proofs())
