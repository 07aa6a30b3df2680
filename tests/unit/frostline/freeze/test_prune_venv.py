"""Pruning of an environment: what is moved, what comes back, and what is left of a failure."""

import os
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

import plain
import pytest

from frostline.core.errors import BusyError, HostError, UsageError
from frostline.freeze import prune_venv
from frostline.freeze.prune import Candidate
from frostline.freeze.prune_venv import Venv, apply, confirm, find, look, prunable, undo
from frostline.launch.evidence import Fact
from frostline.source.environment import ProductEnvironment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs shebangs")
# `needy` reads its documents at import, by a name that its source does not contain.
NEEDY = "from pathlib import Path\nHELP = (Path(__file__).parent / 'd{}s'.format('oc') / 'a.txt')\n"
MAIN = "import sys\ndef main():\n    sys.exit(sys.argv[1:] != ['--help'])\n"
FILES = {
    "plain/__init__.py": MAIN,
    "plain/tests/test_plain.py": "x = 1\n" * 1000,
    "plain/docs/deep/a.txt": "nobody reads this",
    "plain/code.pyi": "",
    "needy/__init__.py": f"{NEEDY}HELP.read_text()\ndef main(): pass\n",
    "needy/docs/a.txt": "read at every start",
    "needy/docs/deep/b.txt": "nobody reads this",
    "needy/tests/test_needy.py": "",
    "broken/__init__.py": "import no_such_module\n",
    "../../../share/man/man1/plain.1": "a page",
}
NEEDED = {"needy/docs/a.txt", "needy/docs/deep/b.txt"}
MANUAL = "../../../share/man/man1/plain.1"
GONE = {
    "plain/tests/test_plain.py", "plain/docs/deep/a.txt", "plain/code.pyi",
    "needy/tests/test_needy.py", MANUAL,
}  # fmt: skip


def distribution(place: Venv, name: str, files: Iterable[str], version: str = "1.0") -> None:
    """Describe *files* as those of a distribution with a script and an entry point."""
    info = place.packages / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {name}\n{version and 'Version: '}{version}\n", "utf-8")
    entry = f"[console_scripts]\n{name} = {name}:main\n[{name}.group]\nx = {name}\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    listed = [*files, f"{name}-1.0.dist-info/METADATA", f"../../../bin/{name}"]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in listed), encoding="utf-8")
    script = place.scripts / name
    text = f"#!{place.python}\nimport {name}\n{name}.main()\n"
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)


@pytest.fixture
def place(tmp_path: Path) -> Venv:
    """Return an environment with three small distributions and their scripts."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    made = find(folder)
    for name, text in FILES.items():
        path = made.packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("plain", "needy", "broken"):
        listed = [file for file in FILES if file.startswith(f"{name}/")]
        distribution(made, name, [*listed, *([MANUAL] if name == "plain" else [])])
    return made


def silent(_: str) -> None:
    """Tell nobody."""


def tree(place: Venv) -> dict[str, bytes]:
    """Return all files with their content."""
    return {
        path.relative_to(place.folder).as_posix(): path.read_bytes()
        for path in place.folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def places(candidates: Iterable[Candidate]) -> set[str]:
    """Return where the candidates lie."""
    return {item.place for item in candidates}


def test_what_can_be_pruned(place: Venv) -> None:
    """Each file once, sorted, with files that no distribution lists; nothing is changed."""
    cache = place.packages / "plain" / "__pycache__" / "__init__.cpython-311.pyc"
    cache.parent.mkdir()
    cache.write_bytes(b"cache")
    before = tree(place)
    found = look(place, ())
    assert places(found) == {*GONE, *NEEDED, "plain/__pycache__/" + cache.name}
    assert [*found] == sorted(found)
    assert len(found) == len(places(found))
    used = Fact("needy", "file", "needy/docs/a.txt", "opened", ())
    assert places(look(place, [used])) == places(found) - NEEDED
    assert tree(place) == before


def test_what_breaks_comes_back(place: Venv) -> None:
    """What worked before must work afterwards; what failed before does not count."""
    told: list[str] = []
    found = apply(place, look(place, ()), os.environ, told.append)
    assert places(found.gone) == GONE
    assert places(found.returned) == NEEDED
    assert [*found.gone] == sorted(found.gone)
    assert found.broken.keys() == {
        "entry point: console_scripts: needy", "entry point: needy.group: x",
        "script: needy --version",
    }  # fmt: skip
    reason = found.broken["entry point: needy.group: x"]
    assert reason.startswith("FileNotFoundError: ")
    assert found.broken["script: needy --version"].startswith("exit code 1: FileNotFoundError")
    # Three looks for metadata; `plain` and `needy` have two entry points and a script each.
    assert found.checked == 3 + 4 + 2
    assert told[:4] == [
        "checking the environment before pruning", "checking 9 look-ups and programs",
        "checking 1 look-ups and programs", "putting back documentation of needy",
    ]  # fmt: skip
    assert len([message for message in told if message.startswith("putting")]) == 1
    left = {path.name for path in (place.packages / "plain").iterdir()}
    assert left == {"__init__.py"}, "empty folders are gone, and nothing was compiled"
    assert (place.packages / "needy" / "docs" / "a.txt").is_file()


def test_what_is_not_needed_may_all_go(place: Venv) -> None:
    """Nothing is put back if nothing breaks."""
    chosen = [item for item in look(place, ()) if item.distribution == "plain"]
    found = apply(place, chosen, os.environ, silent)
    assert (places(found.gone), found.returned, found.broken) == (GONE - {
        "needy/tests/test_needy.py"}, (), {})  # fmt: skip


def test_it_can_be_undone_once(place: Venv) -> None:
    """Every byte comes back; a second pruning has to wait for that."""
    before = tree(place)
    with pytest.raises(UsageError, match="has no pruning to confirm or undo"):
        undo(place)
    apply(place, look(place, ()), os.environ, silent)
    with pytest.raises(BusyError, match="neither confirmed nor undone"):
        apply(place, (), os.environ, silent)
    assert undo(place).files == len(GONE) + 2
    assert tree(place) == before
    with pytest.raises(UsageError):
        undo(place)


def test_confirmed_files_are_gone(place: Venv) -> None:
    """The freed bytes are counted, with the journal's."""
    apply(place, look(place, ()), os.environ, silent)
    store = place.folder / ".frostline-pruned"
    sizes = [path.stat().st_size for path in store.rglob("*") if path.is_file()]
    assert len(sizes) == len(GONE) + 1
    assert confirm(place).size == sum(sizes)
    assert not store.exists()
    with pytest.raises(UsageError):
        confirm(place)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_after_an_interrupt_everything_is_back(place: Venv, at: int) -> None:
    """Before the move, between move and check, and while files are put back."""
    before, told = tree(place), list[str]()

    def tell(message: str) -> None:
        if len(told) == at:
            raise KeyboardInterrupt
        told.append(message)

    with pytest.raises(KeyboardInterrupt):
        apply(place, look(place, ()), os.environ, tell)
    assert tree(place) == before


def test_a_program_that_hangs(place: Venv, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no check if it hung before, and has failed if it hangs now."""
    monkeypatch.setattr(prune_venv, "_PATIENCE", 1.0)
    slow = "import os, time\ndef main():\n    os.path.exists(__path__[0] + '/d' + 'ocs') or "
    slow += "time.sleep(20)\n"
    (place.packages / "needy" / "__init__.py").write_text(slow, encoding="utf-8")
    hangs = place.scripts / "broken"
    hangs.write_text("#!/bin/sh\nsleep 20\n", encoding="utf-8")
    found = apply(place, look(place, ()), os.environ, silent)
    assert found.broken["script: needy --version"].endswith("did not end within 1.0 s")
    assert not any("broken" in name for name in found.broken if name.startswith("script"))
    assert places(found.returned) == NEEDED


def test_what_is_checked(place: Venv, monkeypatch: pytest.MonkeyPatch) -> None:
    """What works: no metadata without a version, no script that is not there or wants input."""
    monkeypatch.setattr(prune_venv, "_PATIENCE", 2.0)
    distribution(place, "odd", (), version="")
    distribution(place, "reader", ())
    distribution(place, "gone", ())
    (place.scripts / "odd").unlink()
    (place.scripts / "gone").unlink()
    (place.scripts / "reader").write_text("#!/bin/sh\nread -r line\nexit 0\n", encoding="utf-8")
    proof = prune_venv._Proof(place, os.environ, place.folder, silent)
    names = {check.name for check in proof.working()}
    assert {"metadata: plain", "metadata: needy", "metadata: broken"} <= names
    assert "metadata: odd" not in names
    assert {name for name in names if "script" in name and "entry" not in name} == {
        "script: plain --help", "script: needy --version", "script: reader --version",
    }  # fmt: skip


def test_what_is_not_there_any_more(place: Venv) -> None:
    """A check whose distribution has vanished fails."""
    proof = prune_venv._Proof(place, os.environ, place.folder, silent)
    (check,) = (item for item in proof.working() if item.name == "metadata: plain")
    (place.packages / "plain-1.0.dist-info" / "METADATA").unlink()
    (place.packages / "plain-1.0.dist-info").rename(place.packages / "gone")
    assert proof.problems([check]) == {"metadata: plain": "it is not found any more"}
    assert proof.problems([]) == {}


def test_a_python_that_does_not_start_any_more(place: Venv) -> None:
    """What an earlier look has found does not count."""
    proof = prune_venv._Proof(place, os.environ, place.folder, silent)
    checks = [item for item in proof.working() if item.name == "metadata: plain"]
    place.python.unlink()
    place.python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    place.python.chmod(0o755)
    assert proof.problems(checks) == {"metadata: plain": "it is not found any more"}
    assert proof.problems([prune_venv._Check("a script", "plain", ("/bin/sh", "-c", ":"))]) == {}


def test_the_packages_folder_stays(tmp_path: Path) -> None:
    """Folders that become empty go and come back, except the one with all packages."""
    packages = tmp_path / "lib" / "site-packages"
    place = Venv(tmp_path, tmp_path / "python", packages, tmp_path)
    (packages / "docs" / "deep").mkdir(parents=True)
    for name in "ab":
        (packages / "docs" / "deep" / name).touch()
    chosen = [Candidate("documentation", "", f"docs/deep/{name}", 0) for name in "ab"]
    prune_venv._move_aside(place, chosen)
    assert [*packages.iterdir()] == []
    prune_venv._put_back(place, chosen)
    assert {path.name for path in (packages / "docs" / "deep").iterdir()} == {"a", "b"}


def test_an_environment_that_was_moved(place: Venv) -> None:
    """The first script is named, and how many more there are."""
    moved = place.folder.rename(place.folder.with_name("elsewhere"))
    for name in ("Activate.ps1", "plain", "needy"):
        (moved / "bin" / name).unlink(missing_ok=True)
    old = str(place.python)
    with pytest.raises(HostError, match=f"moved: broken uses {old}, which does not exist"):
        find(moved)
    (moved / "bin" / "also").write_text(f"#!{old} -I\n", encoding="utf-8")
    with pytest.raises(HostError, match=r"moved: also \(and 1 more\) uses [^ ]*,"):
        find(moved)


def test_what_is_no_environment(tmp_path: Path, place: Venv) -> None:
    """It must have pyvenv.cfg, and its Python must be there."""
    assert place == Venv(
        place.folder, place.folder / "bin" / "python", place.packages, place.folder / "bin"
    )
    with pytest.raises(UsageError, match="is not a virtual environment"):
        find(tmp_path)
    for script in place.scripts.iterdir():
        script.unlink()
    with pytest.raises(HostError, match="the environment's Python was removed"):
        find(place.folder)
    place.scripts.rmdir()
    with pytest.raises(HostError, match="the environment's Python was removed"):
        find(place.folder)


def test_the_groups_of_what_is_put_back() -> None:
    """The files of the broken distribution come first, then all others, by category."""
    a_docs, a_tests, b_docs, b_more, none = (
        Candidate("documentation", "a", "a/docs/x", 1), Candidate("tests", "a", "a/tests/x", 1),
        Candidate("documentation", "b", "b/docs/x", 1),
        Candidate("documentation", "b", "b/docs/y", 1), Candidate("bytecode", "", "x.pyc", 1),
    )  # fmt: skip
    everything = {a_tests, b_more, none, b_docs, a_docs}
    assert prune_venv._groups(everything, "b") == [[b_docs, b_more], [none], [a_docs], [a_tests]]


def test_the_environment_of_a_product(
    tmp_path: Path, place: Venv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder it is the product's own; then only what its distributions list."""
    made: list[object] = []

    def product_environment(build: object) -> ProductEnvironment:
        made.append(build)
        with pytest.raises(BusyError):
            plain.bundled(tmp_path / "p").exclusively().__enter__()
        return ProductEnvironment(place.python, place.packages)

    (place.packages / ".gitignore").touch()
    monkeypatch.setattr(prune_venv, "product_environment", product_environment)
    build = plain.bundled(tmp_path / "p")
    assert places(prunable(build, None)) == {*GONE, *NEEDED}
    assert made == [build]
    monkeypatch.chdir(place.folder.parent)
    assert places(prunable(build, Path("environment"))) == {
        *GONE, *NEEDED, ".gitignore",
    }  # fmt: skip
