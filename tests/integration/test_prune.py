"""Pruning of a real virtual environment: listed, moved aside, checked, put back, undone."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import verbs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs shebangs")
ROOT = Path(__file__).resolve().parents[2]
# `needy` reads its documents at import, by a name that its source does not contain.
NEEDY = "from pathlib import Path\nHELP = (Path(__file__).parent / 'd{}s'.format('oc') / 'a.txt')\n"
FILES = {
    "plain/__init__.py": "def main():\n    print('plain 1.0')\n",
    "plain/tests/test_plain.py": "x = 1\n" * 1000,
    "plain/docs/a.txt": "nobody reads this",
    "plain/code.pyi": "",
    "needy/__init__.py": f"{NEEDY}HELP.read_text()\ndef main():\n    print('needy 1.0')\n",
    "needy/docs/a.txt": "read at every start",
    "needy/tests/test_needy.py": "",
    "broken/__init__.py": "import no_such_module\n",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run frostline in this project."""
    return verbs.run(ROOT, "prune", "--product", "argo", *arguments)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return an environment with three small distributions and their scripts."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    for name, text in FILES.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("plain", "needy", "broken"):
        info = packages / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n", encoding="utf-8")
        entry = f"[console_scripts]\n{name} = {name}:main\n[{name}.group]\nx = {name}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        listed = [file for file in FILES if file.startswith(f"{name}/")]
        listed += [f"{name}-1.0.dist-info/{file}" for file in ("METADATA", "entry_points.txt")]
        text = "".join(f"{file},,\n" for file in [*listed, f"../../../bin/{name}"])
        (info / "RECORD").write_text(text, encoding="utf-8")
        script = folder / "bin" / name
        python = folder / "bin" / "python"
        script.write_text(f"#!{python}\nimport {name}\n{name}.main()\n", encoding="utf-8")
        script.chmod(0o755)
    return folder


def tree(place: Path) -> dict[str, bytes]:
    """Return all files with their content."""
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.product("R1", "R3")
def test_a_dry_run_touches_nothing(place: Path) -> None:
    """The list is by category and never has metadata or scripts."""
    before = tree(place)
    done = run("--venv", str(place), "--json")
    assert done.returncode == 0, done.stderr
    found = {item["place"]: item["category"] for item in json.loads(done.stdout)}
    assert found == {
        "plain/tests/test_plain.py": "tests", "plain/docs/a.txt": "documentation",
        "plain/code.pyi": "stubs", "needy/docs/a.txt": "documentation",
        "needy/tests/test_needy.py": "tests",
    }  # fmt: skip
    assert tree(place) == before
    assert "documentation" in run("--venv", str(place)).stdout


@pytest.mark.product("R4", "R5")
def test_what_breaks_comes_back(place: Path) -> None:
    """Files that are needed are put back; what failed before does not count."""
    done = run("--venv", str(place), "--apply", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    packages = next(place.glob("lib/python3*/site-packages"))
    assert {item["place"] for item in result["returned"]} == {"needy/docs/a.txt"}
    assert {name.partition(":")[0] for name in result["broken"]} == {"entry point", "script"}
    assert all("needy" in name for name in result["broken"])
    assert "FileNotFoundError" in " ".join(result["broken"].values())
    assert (packages / "needy" / "docs" / "a.txt").is_file()
    assert not (packages / "plain" / "docs").exists()
    assert not (packages / "needy" / "tests").exists()
    for name in ("plain", "needy"):
        said = subprocess.check_output([place / "bin" / name], text=True)
        assert said == f"{name} 1.0\n"


@pytest.mark.product("R3")
def test_it_can_be_undone_until_it_is_confirmed(place: Path) -> None:
    """--undo restores every byte, --confirm deletes; each works once."""
    before = tree(place)
    assert run("--venv", str(place), "--undo").returncode == 2
    assert run("--venv", str(place), "--apply").returncode == 0
    again = run("--venv", str(place), "--apply")
    assert again.returncode == 6
    assert "neither confirmed nor undone" in again.stderr
    undone = run("--venv", str(place), "--undo", "--json")
    assert json.loads(undone.stdout)["files"] > 0
    assert tree(place) == before
    assert run("--venv", str(place), "--apply").returncode == 0
    confirmed = run("--venv", str(place), "--confirm")
    assert confirmed.returncode == 0
    assert "deleted" in confirmed.stdout
    assert not (place / ".frostline-pruned").exists()
    assert run("--venv", str(place), "--confirm").returncode == 2


@pytest.mark.product("R4")
def test_an_environment_that_was_moved(place: Path) -> None:
    """For a moved environment the message explains the misleading "no such file"."""
    moved = place.rename(place.with_name("elsewhere"))
    done = run("--venv", str(moved))
    assert done.returncode == 3
    text = " ".join(done.stderr.split())
    assert "was moved" in text
    assert "no such file or directory" in text
    assert str(place / "bin" / "python") in text.replace(" ", "")


def test_what_is_no_environment(tmp_path: Path) -> None:
    """Another folder and flags that exclude each other are errors."""
    done = run("--venv", str(tmp_path))
    assert done.returncode == 2
    assert "is not a virtual environment" in done.stderr
    assert run("--apply").returncode == 2
    assert run("--venv", str(tmp_path), "--apply", "--undo").returncode == 2
