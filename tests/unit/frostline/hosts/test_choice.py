"""The choice where a platform's artifacts are built."""

import pytest

from frostline.core.errors import HostError
from frostline.core.platforms import PLATFORMS, Platform, host
from frostline.hosts import choice as places

OTHERS = [row for row in PLATFORMS.values() if row != host()]
HERE = host()


@pytest.mark.parametrize("platform", OTHERS, ids=lambda row: row.name)
def test_another_platform(platform: Platform) -> None:
    """Linux is built in a container, other platforms on GitHub; --where overrides it."""
    expected = "container" if platform.oci else "remote"
    assert places.choose(platform, "auto", promised=True) == expected
    assert places.choose(platform, "remote", promised=False) == "remote"
    assert places.choose(platform, "host", promised=True) == "host"


def test_a_platform_without_containers() -> None:
    """A container for another system is an error with a way out."""
    with pytest.raises(HostError, match="there are no containers for") as caught:
        places.choose(PLATFORMS["windows_arm64"], "container", promised=True)
    assert "--where remote" in caught.value.hint


@pytest.mark.skipif(HERE.system != "linux", reason="about glibc")
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
    """The host builds, unless the platform was named and the host's glibc is too new."""
    assert places.choose(HERE, "auto", promised=promised, libc=libc) == expected
