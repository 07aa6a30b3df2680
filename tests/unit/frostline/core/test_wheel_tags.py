"""Wheel tags and markers of platforms that are not this machine's."""

import sys
import sysconfig

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from frostline.core import wheel_tags
from frostline.core.platforms import PLATFORMS, host


@pytest.mark.parametrize(
    ("tag", "platforms"),
    [
        ("py3-none-any", set(PLATFORMS)),
        ("cp311-cp311-manylinux_2_28_x86_64", {"linux_x86_64"}),
        ("cp311-cp311-manylinux_2_29_x86_64", set()),
        ("cp39-abi3-manylinux2014_aarch64", {"linux_arm64"}),
        ("cp311-cp311-manylinux1_x86_64", {"linux_x86_64"}),
        ("py3-none-linux_aarch64", {"linux_arm64"}),
        ("cp311-cp311-musllinux_1_2_x86_64", set()),
        ("cp311-cp311-macosx_10_9_universal2", {"darwin_x86_64", "darwin_arm64"}),
        ("cp311-cp311-macosx_15_0_arm64", {"darwin_arm64"}),
        ("cp311-cp311-macosx_16_0_arm64", set()),
        ("cp311-cp311-macosx_10_9_x86_64", {"darwin_x86_64"}),
        ("cp311-cp311-win_amd64", {"windows_x86_64"}),
        ("cp311-abi3-win_arm64", {"windows_arm64"}),
        ("cp312-cp312-win_amd64", set()),
        ("cp312-abi3-win_amd64", set()),
    ],
)
def test_where_a_wheel_can_be_installed(tag: str, platforms: set[str]) -> None:
    """Up to the promised glibc, up to the runner's macOS; never for a newer Python."""
    wanted = parse_wheel_filename(f"x-1-{tag}.whl")[3]
    found = {name for name, row in PLATFORMS.items() if wheel_tags.tags(row, "3.11") & wanted}
    assert found == platforms


@pytest.mark.parametrize(
    ("marker", "platforms"),
    [
        ("sys_platform == 'win32'", {"windows_x86_64", "windows_arm64"}),
        ("platform_system == 'Darwin' and os_name == 'posix'", {"darwin_x86_64", "darwin_arm64"}),
        ("platform_machine == 'aarch64'", {"linux_arm64"}),
        ("platform_machine == 'ARM64'", {"windows_arm64"}),
        ("platform_machine == 'AMD64'", {"windows_x86_64"}),
        ("platform_machine == 'x86_64'", {"linux_x86_64", "darwin_x86_64"}),
        ("python_version == '3.11' and python_full_version >= '3.11.3'", set(PLATFORMS)),
        ("python_version >= '3.12'", set()),
    ],
)
def test_where_a_requirement_applies(marker: str, platforms: set[str]) -> None:
    """Markers have the values of the platform, and of the newest release of the Python."""
    found = Requirement(f"x; {marker}").marker
    assert found
    applies = {
        name for name, row in PLATFORMS.items() if found.evaluate(wheel_tags.markers(row, "3.11"))
    }
    assert applies == platforms


@pytest.mark.skipif(sys.platform == "darwin", reason="the runner's macOS may be another one")
def test_this_machine() -> None:
    """For this machine the answers are those of `packaging` itself."""
    python = sysconfig.get_python_version()
    assert wheel_tags.tags(host(), python) <= set(sys_tags())
    markers = {**wheel_tags.markers(host(), python)}
    del markers["python_full_version"]
    assert markers.items() <= default_environment().items()
