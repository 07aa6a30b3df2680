"""The table of platforms, and other tools' names for them."""

import pytest

from frostline.core.errors import UsageError
from frostline.core.platforms import PLATFORMS, host, parse


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
    for names in ([r.triple for r in rows], [r.electron for r in rows], [r.runner for r in rows]):
        assert len(set(names)) == 6
    assert not any("latest" in row.runner for row in rows)
    assert {row.name for row in rows if row.oci} == {"linux_x86_64", "linux_arm64"}
    assert PLATFORMS["linux_x86_64"].oldest == ("glibc", (2, 28))
