"""Markers, combined along the ways that lead to a package."""

import pytest
from packaging.markers import Marker

from frostline.core.errors import LockError
from frostline.source import conditions


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("", ""),
        ("os_name=='nt'", 'os_name == "nt"'),
        ('extra == "Fast"', ""),
        ('extra == "slow"', None),
        ('extra == "fast" and os_name == "nt"', 'os_name == "nt"'),
        ('extra == "slow" or os_name == "nt"', 'os_name == "nt"'),
        ('extra == "fast" or os_name == "nt"', ""),
        ('extra != "slow" and os_name == "nt"', 'os_name == "nt"'),
        ('"fast" in extras and "dev" not in dependency_groups', ""),
        ('"dev" in dependency_groups', None),
        (
            '(os_name == "nt" or "bsd" in sys_platform) and python_version not in "3.8 3.9"',
            (
                '"bsd" in sys_platform and python_version not in "3.8 3.9"'
                ' or os_name == "nt" and python_version not in "3.8 3.9"'
            ),
        ),
    ],
)
def test_extras_are_decided(marker: str, expected: str | None) -> None:
    """Chosen extras hold, others do not; the rest of the marker stays."""
    found = conditions.parse(marker, ["fast"])
    assert (conditions.text(found) if found else None) == expected


def test_combined() -> None:
    """Each way's markers must all hold, and one way is enough; what adds nothing is left out."""
    windows = conditions.parse('os_name == "nt"')
    old = conditions.parse('python_version < "3.12" or python_version == "3.13"')
    way = conditions.both(windows, old)
    assert conditions.text(way) == (
        'os_name == "nt" and python_version < "3.12" or '
        'os_name == "nt" and python_version == "3.13"'
    )
    assert conditions.either(way, windows) == windows
    assert conditions.either(way, conditions.ALWAYS) == conditions.ALWAYS
    assert conditions.both(way, conditions.NEVER) == conditions.NEVER


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", ["nt", "posix"])
def test_same_meaning(python: str, system: str) -> None:
    """The text of a condition means what the marker meant."""
    marker = (
        'python_version < "3.12" and (os_name == "nt" or python_version > "3.10")'
        ' or os_name != "nt" and python_version >= "3.13"'
    )
    environment = {"python_version": python, "os_name": system}
    found = Marker(conditions.text(conditions.parse(marker)))
    assert found.evaluate(environment) == Marker(marker).evaluate(environment)


def test_no_marker() -> None:
    """What is no marker is an error that shows it."""
    with pytest.raises(LockError, match="windows only"):
        conditions.parse("windows only")


def test_opposite() -> None:
    """The opposite holds where the condition does not, and nothing holds with its opposite."""
    found = conditions.parse('os_name == "nt" and python_version < "3.12" or "a" in os_name')
    other = conditions.opposite(found)
    assert conditions.text(other) == (
        '"a" not in os_name and os_name != "nt" or "a" not in os_name and python_version >= "3.12"'
    )
    assert conditions.both(found, other) == conditions.NEVER
    assert conditions.opposite(conditions.NEVER) == conditions.ALWAYS
    with pytest.raises(LockError, match="too hard"):
        conditions.opposite(conditions.parse('python_version ~= "3.12"'))
