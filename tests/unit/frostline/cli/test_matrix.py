"""The job matrix, and warnings about retiring runners."""

from datetime import date

import pytest

from frostline.cli import matrix
from frostline.core.errors import UsageError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Target


def test_the_matrix() -> None:
    """The matrix is products by platforms; an empty or too large one is refused."""
    made = matrix.jobs(targets("argo", "rag"), "3.11")
    assert len(made) == 12
    assert made[0] == matrix.Job("argo", "linux_x86_64", "ubuntu-22.04", "3.11")
    for products in ([], ["p"] * 43):
        with pytest.raises(UsageError, match="GitHub takes 1 to 256"):
            matrix.jobs(targets(*products), "3.11")


def targets(*products: str) -> list[Target]:
    """Return *products* on every platform."""
    return [Target(product, row) for product in products for row in PLATFORMS.values()]


def test_labels_that_go_away() -> None:
    """A retiring runner is reported months before and afterwards, not years before."""
    rows = [PLATFORMS["darwin_x86_64"]]
    assert [*matrix.retiring(rows, date(2026, 1, 1))] == []
    assert [*matrix.retiring(rows, date(2027, 5, 3))] == []  # 120 days before
    assert len([*matrix.retiring(rows, date(2027, 5, 4))]) == 1
    (soon,) = matrix.retiring(rows, date(2027, 7, 1))
    assert "macos-15-intel will be retired on 2027-08-31" in soon
    (late,) = matrix.retiring(rows, date(2028, 1, 1))
    assert "was retired on" in late
