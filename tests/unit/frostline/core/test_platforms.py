"""The table of platforms, other tools' names for them, and the job matrix."""

from datetime import date

import pytest

from frostline.cli import matrix
from frostline.core.errors import UsageError
from frostline.core.platforms import PLATFORMS, host, parse
from frostline.core.workspace import Target


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("darwin_arm64", "darwin_arm64"),
        ("macos-arm64", "darwin_arm64"),
        ("macOS-x64", "darwin_x86_64"),
        ("win32-x64", "windows_x86_64"),
        ("windows-aarch64", "windows_arm64"),
        ("linux-amd64", "linux_x86_64"),
        ("linux_aarch64", "linux_arm64"),
        ("linux-x86_64", "linux_x86_64"),
        ("x86_64-unknown-linux-gnu", "linux_x86_64"),
        ("aarch64-apple-darwin", "darwin_arm64"),
    ],
)
def test_names_of_other_tools(name: str, expected: str) -> None:
    """Other tools' names are accepted."""
    assert parse(name).name == expected


def test_a_machine_alone() -> None:
    """A machine alone means this system's platform."""
    assert parse("aarch64").name == f"{host().system}_arm64"
    assert parse("amd64").name == f"{host().system}_x86_64"
    assert parse("host") == host()


@pytest.mark.parametrize("name", ["", "linux", "solaris-x64", "linux-riscv64", "darwin_arm65"])
def test_names_that_nobody_has(name: str) -> None:
    """An unknown name raises an error that lists the platforms."""
    with pytest.raises(UsageError, match="unknown platform") as caught:
        parse(name)
    assert "linux_x86_64" in caught.value.hint


def test_the_table() -> None:
    """Each platform has its own names for other tools; no runner label is a moving one."""
    rows = PLATFORMS.values()
    assert len(rows) == 6
    for names in ([r.triple for r in rows], [r.runner for r in rows]):
        assert len(set(names)) == 6
    assert not any("latest" in row.runner for row in rows)
    assert {row.name for row in rows if row.oci} == {"linux_x86_64", "linux_arm64"}
    assert PLATFORMS["linux_x86_64"].oldest == ("glibc", (2, 28))


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
    rows = [*PLATFORMS.values()]
    assert [*matrix.retiring(rows, date(2026, 1, 1))] == []
    (soon,) = matrix.retiring(rows, date(2027, 7, 1))
    assert "macos-15-intel will be retired on 2027-08-31" in soon
    (late,) = matrix.retiring(rows, date(2028, 1, 1))
    assert "was retired on" in late
