"""Installed files are chosen for pruning by more than a folder's name."""

from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from frostline.freeze.prune import by_category, choose, in_tree
from frostline.launch.evidence import Fact

PACKAGE = {
    "pkg/__init__.py": "",
    "pkg/tests/__init__.py": "",
    "pkg/tests/test_one.py": "import pkg.docs",
    "pkg/tests/data.json": "{}",
    "pkg/docs/index.rst": "",
    "pkg/docs/picture.png": "",
    "pkg/examples/show.py": "",
    "pkg/code.pyi": "",
    "pkg/py.typed": "",
    "../../../share/man/man1/pkg.1": "",
    "../../../bin/pkg": "#!/bin/sh",
    "pkg-1.dist-info/METADATA": "Name: pkg\nVersion: 1\n",
    "pkg-1.dist-info/docs/README": "",
}


def chosen(root: Path, more: dict[str, str] | None = None, *facts: Fact) -> set[str]:
    """Return the prunable files of the package with *more* files."""
    return {*categories(root, more, *facts)}


def categories(root: Path, more: dict[str, str] | None = None, *facts: Fact) -> dict[str, str]:
    """Return the categories of the prunable files of the package with *more* files."""
    packages = root / "lib" / "python3" / "site-packages"
    files = {**PACKAGE, **(more or {})}
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    record = packages / "pkg-1.dist-info" / "RECORD"
    record.write_text("".join(f"{name},,\n" for name in files), encoding="utf-8")
    installed = {"pkg": PathDistribution(packages / "pkg-1.dist-info")}
    return {item.place: item.category for item in choose(installed, packages, facts)}


TESTS = {"pkg/tests/__init__.py", "pkg/tests/test_one.py", "pkg/tests/data.json"}
DOCS = {"pkg/docs/index.rst", "pkg/docs/picture.png"}
EXAMPLES, STUBS, MANUAL = (
    {"pkg/examples/show.py"},
    {"pkg/code.pyi"},
    "../../../share/man/man1/pkg.1",
)


def fact(kind: str, name: str) -> Fact:
    """Return a fact."""
    return Fact("pkg", kind, name, "opened", ())  # type: ignore[arg-type]  # a word of the kinds


@pytest.mark.product("R1", "R2")
def test_what_looks_like_its_name(tmp_path: Path) -> None:
    """Tests, documentation, examples and stubs go; metadata, scripts and markers stay."""
    assert chosen(tmp_path) == {*TESTS, *DOCS, *EXAMPLES, *STUBS, MANUAL}


@pytest.mark.parametrize(
    ("place", "category"),
    [
        ("pkg/test/test_a.py", "tests"), ("pkg/deep/tests/a_test.py", "tests"),
        ("pkg/tests/conftest.py", "tests"),
        ("pkg/doc/a.rst", "documentation"), ("pkg/docs/a.rst", "documentation"),
        ("pkg/documentation/a.rst", "documentation"),
        ("pkg/example/a.py", "examples"), ("pkg/examples/a.py", "examples"),
        ("pkg/samples/a.py", "examples"), ("pkg/more.pyi", "stubs"), ("other/more.pyi", "stubs"),
        ("../../../share/doc/pkg/a.txt", "documentation"),
        ("../../../share/man/man3/a.3", "documentation"),
    ],
)  # fmt: skip
def test_the_categories(tmp_path: Path, place: str, category: str) -> None:
    """Singular and plural names mean the same."""
    assert categories(tmp_path, {place: ""})[place] == category


@pytest.mark.parametrize(
    "place",
    [
        "pkg-1.egg-info/docs/a.rst", "pkg-1.data/docs/a.rst", "../../../share/pkg/docs/a.rst",
        "pkg/tests/__pycache__/test_one.cpython-311.pyc", "docs", "pkg/share/man/a.1",
    ],
)  # fmt: skip
def test_what_is_none_of_them(tmp_path: Path, place: str) -> None:
    """Metadata, shared data and files with such names stay; bytecode is chosen elsewhere."""
    assert place not in chosen(tmp_path, {place: ""})


def test_a_folder_counts_as_a_whole(tmp_path: Path) -> None:
    """Where a folder has to stay, so does what is in it."""
    more = {"pkg/docs/__init__.py": "", "pkg/docs/tests/test_a.py": ""}
    assert not {place for place in chosen(tmp_path, more) if place.startswith("pkg/docs")}


def test_text_is_no_code(tmp_path: Path) -> None:
    """What a text file says is not what the package does."""
    assert chosen(tmp_path, {"pkg/README.txt": "import pkg.tests"}) >= TESTS


def test_what_is_recorded_wrongly(tmp_path: Path) -> None:
    """A file that is recorded and not there, or no record at all, is no error."""
    chosen(tmp_path)
    packages = tmp_path / "lib" / "python3" / "site-packages"
    (packages / "pkg" / "docs" / "index.rst").unlink()
    installed = {"pkg": PathDistribution(packages / "pkg-1.dist-info")}
    assert "pkg/docs/picture.png" in {item.place for item in choose(installed, packages, ())}
    (packages / "pkg-1.dist-info" / "RECORD").unlink()
    assert choose(installed, packages, ()) == ()


@pytest.mark.product("R2")
@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"pkg/docs/__init__.py": ""}, DOCS),
        ({"pkg/help.py": "open(__path__[0] + '/docs/index.rst')"}, DOCS),
        ({"pkg/use.py": "import pkg.tests"}, TESTS),
        ({"pkg/use.py": "from pkg.tests.test_one import x"}, TESTS),
        ({"pkg/use.py": "from . import (\n    code,\n    tests,\n)"}, TESTS),
        ({"pkg/deep/use.py": "from ..tests import x"}, TESTS),
        ({"pkg/use.py": "    import pkg.tests as t, os"}, TESTS),
        ({"pkg/use.py": "import os, pkg.tests"}, TESTS),
        ({"pkg/use.py": "from pkg import tests"}, TESTS),
        ({"pkg/use.py": "from pkg.tests import *"}, TESTS),
        ({"pkg/use.py": "import_module('pkg.tests.test_one')"}, TESTS),
        ({"pkg/use.py": "files('pkg') / 'examples'"}, EXAMPLES),
        ({"pkg/__init__.py": "lazy.attach_stub(__name__, __file__)"}, STUBS),
    ],
)
def test_what_somebody_needs(tmp_path: Path, more: dict[str, str], kept: set[str]) -> None:
    """A folder that code imports or names stays; so does code in documentation."""
    everything = {*TESTS, *DOCS, *EXAMPLES, *STUBS, MANUAL}
    assert chosen(tmp_path, more) == everything - kept


@pytest.mark.product("R2")
def test_a_folder_that_is_called_tests_and_is_none(tmp_path: Path) -> None:
    """A folder `tests` without a test file stays."""
    (tmp_path / "x").mkdir()
    found = chosen(tmp_path / "x", {"pkg/inner/tests/shapes.dat": ""})
    assert "pkg/inner/tests/shapes.dat" not in found


@pytest.mark.product("R2")
@pytest.mark.parametrize(
    ("used", "kept"),
    [
        (fact("file", "pkg/docs/index.rst"), DOCS),
        (fact("folder", "pkg/docs"), DOCS),
        (fact("library", "pkg/docs/picture.png"), DOCS),
        (fact("module", "pkg.tests.test_one"), TESTS),
        (fact("file", "pkg/code.pyi"), STUBS),
    ],
)
def test_what_a_run_has_used(tmp_path: Path, used: Fact, kept: set[str]) -> None:
    """A folder with a file in the evidence stays."""
    everything = {*TESTS, *DOCS, *EXAMPLES, *STUBS, MANUAL}
    assert chosen(tmp_path, None, used) == everything - kept


@pytest.mark.product("R2")
def test_what_nobody_records(tmp_path: Path) -> None:
    """Version control and caches with sources go; a cache without source is the code."""
    for name in (
        "a.py", "__pycache__/a.cpython-311.pyc", "__pycache__/gone.cpython-311.pyc",
        ".git/config", "pkg/.gitignore", "pkg/git.txt",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("xx", encoding="utf-8")
    found = in_tree(tmp_path)
    assert {item.place for item in found} == {
        "__pycache__/a.cpython-311.pyc", ".git/config", "pkg/.gitignore",
    }  # fmt: skip
    assert by_category(found) == {"bytecode": (1, 2), "version control": (2, 4)}


@pytest.mark.parametrize(
    ("place", "category"),
    [
        (".hg/a", "version control"), ("pkg/.svn/a", "version control"),
        (".github/a", "version control"), ("pkg/.gitattributes", "version control"),
        ("__pycache__/code.cpython-311.pyc", "bytecode"), ("__pycache__/code.txt", None),
        ("other/code.cpython-311.pyc", None),
    ],
)  # fmt: skip
def test_what_belongs_to_nobody(tmp_path: Path, place: str, category: str | None) -> None:
    """It is no distribution's; what only looks like it stays."""
    for name in ("code.py", place):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [(item.place, item.category, item.distribution) for item in in_tree(tmp_path)]
    assert found == ([(place, category, "")] if category else [])


def test_links_are_left_alone(tmp_path: Path) -> None:
    """Even those in a folder of version control."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "file").touch()
    try:
        (tmp_path / ".git" / "link").symlink_to(tmp_path / "file")
    except OSError:
        pytest.skip("no links here")
    assert in_tree(tmp_path) == ()
