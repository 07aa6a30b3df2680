"""Where a platform's artifacts are made."""

import pytest

from frostline.core.errors import HostError
from frostline.core.platforms import PLATFORMS, Platform, host
from frostline.hosts import choice as places

OTHERS = [row for row in PLATFORMS.values() if row != host()]
HERE = host()


@pytest.mark.parametrize("platform", OTHERS, ids=lambda row: row.name)
def test_another_platform(platform: Platform) -> None:
    """Linux in a container, every other one on GitHub's machines; what is asked for wins."""
    expected = "container" if platform.oci else "remote"
    assert places.choose(platform, "auto", promised=True) == expected
    assert places.choose(platform, "remote", promised=False) == "remote"
    assert places.choose(platform, "host", promised=True) == "host"


def test_a_platform_without_containers() -> None:
    """It is said, with what can be done."""
    with pytest.raises(HostError, match="there are no containers for") as caught:
        places.choose(PLATFORMS["windows_arm64"], "container", promised=True)
    assert "--where remote" in caught.value.hint


@pytest.mark.skipif(HERE.system != "linux", reason="of Linux's C library")
@pytest.mark.parametrize(
    ("libc", "promised", "expected"),
    [
        ("2.28", True, "host"),
        ("2.9", True, "host"),
        ("2.36", True, "container"),
        ("2.36", False, "host"),
        ("", True, "host"),
    ],
)
def test_this_platform(libc: str, promised: bool, expected: str) -> None:  # noqa: FBT001
    """Here, unless the platform was named and this C library is newer than it promises."""
    assert places.choose(HERE, "auto", promised=promised, libc=libc) == expected
