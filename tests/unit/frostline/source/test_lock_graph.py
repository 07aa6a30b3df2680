"""Which version of a package a lock means where."""

from collections.abc import Mapping

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from frostline.core.errors import LockError
from frostline.source import conditions, lock_graph
from frostline.source.lock_graph import Package, Wanted


def wanted(name: str, versions: str = "", marker: str = "", extras: tuple[str, ...] = ()) -> Wanted:
    """Return a dependency."""
    return Wanted(name, SpecifierSet(versions).contains, extras, conditions.parse(marker))


def package(
    name: str, version: str, *needs: Wanted, fits: str = "",
    extras: Mapping[str, tuple[Wanted, ...]] | None = None,
) -> Package:  # fmt: skip
    """Return a package of a lock."""
    return Package(name, version, conditions.parse(fits), {"": needs, **(extras or {})})


def walked(roots: list[Wanted], packages: list[Package]) -> dict[str, str]:
    """Return the marker of each package that is needed."""
    return {
        f"{packages[place].name} {packages[place].version}": conditions.text(condition)
        for place, condition in lock_graph.walk(roots, packages).items()
    }


def test_others_decide() -> None:
    """A dependency that two versions satisfy gets the one that others ask for, wherever it is."""
    roots = [
        wanted("vision"),
        wanted("torch", "==2.0", "sys_platform == 'linux'"),
        wanted("torch", "==2.1", "sys_platform != 'linux'"),
    ]
    packages = [
        package("torch", "2.0"), package("torch", "2.1", wanted("part")), package("part", "1"),
        package("vision", "1", wanted("torch", ">=1")), package("unused", "1"),
    ]  # fmt: skip
    assert walked(roots, packages) == {
        "vision 1": "",
        "torch 2.0": 'sys_platform == "linux"',
        "torch 2.1": 'sys_platform != "linux"',
        "part 1": 'sys_platform != "linux"',
    }


def test_nobody_decides() -> None:
    """It is the highest version that fits the Python; the others serve where it does not."""
    roots = [wanted("plot", "", "os_name == 'nt'")]
    packages = [
        package("plot", "9.0"),
        package("plot", "10.0", wanted("part"), fits="python_version >= '3.13'"),
        package("part", "1"),
    ]
    assert walked(roots, packages) == {
        "plot 9.0": 'os_name == "nt" and python_version < "3.13"',
        "plot 10.0": 'os_name == "nt" and python_version >= "3.13"',
        "part 1": 'os_name == "nt" and python_version >= "3.13"',
    }


def test_decided_for_a_part() -> None:
    """Where the others decide on some systems only, the highest version serves the rest."""
    roots = [wanted("vision"), wanted("torch", "<2", "sys_platform == 'darwin'")]
    packages = [
        package("torch", "1.9"), package("torch", "2.1"), package("vision", "1", wanted("torch")),
    ]  # fmt: skip
    assert walked(roots, packages) == {
        "vision 1": "",
        "torch 1.9": 'sys_platform == "darwin"',
        "torch 2.1": 'sys_platform != "darwin"',
    }


def test_extras_of_what_others_decide() -> None:
    """The extras that a dependency asks for belong to each version that it can get."""
    roots = [
        wanted("web", "<2", "os_name == 'nt'"), wanted("web", ">=2", "os_name != 'nt'"),
        wanted("user"),
    ]  # fmt: skip
    packages = [
        package("web", "1", extras={"fast": (wanted("loop"),)}),
        package("web", "2", extras={"fast": (wanted("pool"),)}),
        package("loop", "1"), package("pool", "1"),
        package("user", "1", wanted("web", extras=("fast",))),
    ]  # fmt: skip
    found = walked(roots, packages)
    assert (found["loop 1"], found["pool 1"]) == ('os_name == "nt"', 'os_name != "nt"')


def test_circles_and_what_can_never_be() -> None:
    """Packages may need each other; what contradicts itself on its way is not needed."""
    roots = [wanted("a", "", "os_name == 'nt'")]
    other = wanted("c", "", "os_name != 'nt'")
    packages = [
        package("a", "1", wanted("b")), package("b", "1", wanted("a"), other), package("c", "1"),
    ]  # fmt: skip
    assert walked(roots, packages) == {"a 1": 'os_name == "nt"', "b 1": 'os_name == "nt"'}


def test_what_cannot_be_told_apart() -> None:
    """A marker without opposite, or a version that is none, is an error."""
    roots = [wanted("a"), wanted("a", "<2", "python_version ~= '3.1'")]
    with pytest.raises(LockError, match="too hard"):
        walked(roots, [package("a", "1"), package("a", "2")])
    with pytest.raises(InvalidVersion):
        walked(roots, [package("a", "of course")])
