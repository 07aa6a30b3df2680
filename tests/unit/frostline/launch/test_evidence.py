"""Evidence is merged, applied, written and read."""

import json
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from frostline.core.errors import UsageError
from frostline.core.platforms import PLATFORMS
from frostline.core.workspace import Target, Workspace
from frostline.launch import evidence
from frostline.launch.evidence import Fact
from frostline.profile.build import Build
from frostline.profile.profile import Profile

LINUX, DARWIN = PLATFORMS["linux_x86_64"], PLATFORMS["darwin_arm64"]


def fact(name: str, kind: evidence.Kind = "module", *on: str, why: str = "imported") -> Fact:
    """Return a fact about the package `pkg`."""
    return Fact("pkg", kind, name, why, on or (LINUX.name,))


@pytest.fixture
def mine(tmp_path: Path) -> dict[str, Distribution]:
    """Return one installed distribution."""
    files = [
        "pkg/__init__.py", "pkg/code.py", "pkg/types.pyi", "pkg/data/de.dat", "pkg/data/fr.dat",
        "pkg/data/deep/x.dat", "pkg/data/__pycache__/y.pyc", "pkg/lib/fast.so", "pkg/top.txt",
        "pkg/scripts/env.py", "pkg/scripts/one/first.py", "pkg/scripts/readme", "single.txt",
        "../../bin/pkg",
    ]  # fmt: skip
    folder = tmp_path / "pkg-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: pkg\nVersion: 1\n", encoding="utf-8")
    (folder / "RECORD").write_text("".join(f"{name},,\n" for name in files), encoding="utf-8")
    (folder / "entry_points.txt").write_text(
        "[pkg.plugins]\none = pkg.one:run\ntwo = pkg.two\n[console_scripts]\npkg = pkg.main:main\n",
        encoding="utf-8",
    )
    return {"pkg": PathDistribution(folder)}


def files(found: tuple[Fact, ...], mine: dict[str, Distribution]) -> set[str]:
    """Return the files that the facts add."""
    return set(evidence.additions(found, mine).files)


def test_what_is_collected(mine: dict[str, Distribution]) -> None:
    """An opened file adds the data of its folder; opened code adds code, too."""
    assert files((fact("pkg/data/de.dat", "file"),), mine) == {
        "pkg/data/de.dat", "pkg/data/fr.dat", "pkg/data/deep/x.dat",
    }  # fmt: skip
    assert files((fact("pkg/scripts/env.py", "file"),), mine) == {
        "pkg/scripts/env.py", "pkg/scripts/one/first.py", "pkg/scripts/readme",
    }  # fmt: skip
    assert files((fact("pkg/data/deep", "folder"),), mine) == {"pkg/data/deep/x.dat"}
    assert files((fact("single.txt", "file"),), mine) == {"single.txt"}
    assert files((fact("pkg/gone/x.txt", "file"),), mine) == set()
    whole = files((fact("pkg/top.txt", "file"),), mine)
    assert "pkg/data/de.dat" in whole
    assert not {"pkg/code.py", "pkg/types.pyi", "pkg/lib/fast.so"} & whole


def test_modules_and_libraries(mine: dict[str, Distribution]) -> None:
    """Facts add modules, entry points except scripts, and installed libraries."""
    found = evidence.additions(
        (
            fact("pkg.code"), fact("pkg.elsewhere"), fact("pkg.plugins", "entry-points"),
            fact("console_scripts", "entry-points"), fact("pkg/lib/fast.so", "library"),
            fact("libc.so.6", "library"), fact("pkg", "metadata"), fact("sleep", "process"),
        ),
        mine,
    )  # fmt: skip
    assert found.modules == {"pkg.code", "pkg.one", "pkg.two"}
    assert found.libraries == {"pkg/lib/fast.so"}
    assert found.files == frozenset()


def test_facts_of_several_platforms_merge() -> None:
    """A run changes its own platform's facts; known facts keep their reason."""
    here, there = LINUX.name, DARWIN.name
    old = (fact("both", "module", there, here), fact("theirs", "module", there), fact("gone"))
    shown = (fact("both", why="said otherwise"), fact("new"))
    merged = evidence.merge(old, shown, here, keep=False)
    assert merged == (
        fact("both", "module", there, here), fact("new"), fact("theirs", "module", there),
    )  # fmt: skip
    kept = evidence.merge(old, shown, here, keep=True)
    assert {item.name for item in kept} == {"both", "new", "theirs", "gone"}
    assert evidence.merge(merged, shown, here, keep=False) == merged


def test_facts_for_a_platform_where_nothing_ran() -> None:
    """All facts apply to a platform without its own facts."""
    facts = (fact("a"), fact("b", "module", DARWIN.name))
    assert evidence.applying(facts, LINUX) == (facts[0],)
    assert evidence.applying(facts, PLATFORMS["windows_arm64"]) == facts


def build_in(folder: Path) -> Build:
    """Return the build of a product `argo` in *folder*."""
    profile = Profile(source="app", requirements="lock.txt", entry="argo:main")
    target = Target("argo", LINUX)
    return Build(workspace=Workspace(folder), target=target, profile=profile, environ={})


def test_the_file(tmp_path: Path) -> None:
    """Written evidence is read again; it is sorted, one fact per line."""
    build = build_in(tmp_path)
    assert evidence.load(build) is None
    facts = (fact("pkg.b"), fact("pkg.a", why='says "so"'), fact("pkg/x", "file"))
    evidence.write(build, facts)
    assert evidence.load(build) == tuple(sorted(facts))
    text = build.workspace.evidence("argo").read_text("utf-8")
    assert json.loads(text)["schema"] == 1
    assert sum('"why"' in line for line in text.splitlines()) == len(facts)


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"schema": 2, "packages": {}}', '{"packages": {}}',
        '{"schema": 1, "packages": {"a": {"other": {}}}}',
        '{"schema": 1, "packages": {"a": {"file": {"x": {"why": 3, "platforms": []}}}}}',
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    """The message names the file and the command."""
    build = build_in(tmp_path)
    path = build.workspace.evidence("argo")
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"specs/argo.evidence.json cannot be read") as caught:
        evidence.load(build)
    assert "`frostline evidence --product argo" in caught.value.hint
