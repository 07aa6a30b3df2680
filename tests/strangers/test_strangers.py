"""Strangers' projects: frostline's own wheel in an empty environment, and no configuration."""

import os
import subprocess
from collections import Counter
from pathlib import Path

import choice
import projects
import proof
import pytest
from backends import BACKENDS
from kinds import KINDS
from lockers import LOCKS, Tools

# Projects that are not good yet, with the reason in frostline.
NOT_GOOD: dict[choice.Triple, str] = {}

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="an environment has other folders on Windows"
)


@pytest.fixture(scope="module")
def frostline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command of frostline's own wheel in an empty environment."""
    return proof.install(tmp_path_factory.mktemp("frostline"))


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Return the tools that make locks."""
    return Tools(tmp_path_factory.mktemp("tools"))


def _parameters() -> list[object]:
    """Return the projects; all but the fast ones are of the slow lane."""
    slow = pytest.mark.slow("src/frostline/infer", "src/frostline/source", "tests/strangers")
    found: list[object] = []
    for triple in choice.chosen():
        marks = [] if triple in choice.FAST else [slow]
        if triple in NOT_GOOD:
            marks.append(pytest.mark.xfail(strict=True, reason=NOT_GOOD[triple]))
        found.append(pytest.param(triple, id=" ".join(triple), marks=marks))
    return found


@pytest.mark.parametrize("triple", _parameters())
def test_good_without_configuration(
    triple: choice.Triple, tmp_path: Path, frostline: Path, tools: Tools
) -> None:
    """The product is good, answers with all that it needs, and nothing but `build` is new."""
    project = projects.write(tmp_path, triple, tools)
    proof.prove(project, triple, frostline)


def test_init_of_an_installed_frostline(tmp_path: Path, frostline: Path) -> None:
    """It needs nothing of this repository; `--dry-run` writes nothing."""
    (tmp_path / "main.py").write_text("print('hello')\n", encoding="utf-8")
    words = ["init", "--dry-run", "--github", "--nox", "--invoke"]
    done = subprocess.run(
        [str(frostline), *words], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    made = [line[6:] for line in done.stdout.splitlines() if line.startswith("+++ b/")]
    assert made == ["frostline.toml", ".github/workflows/freeze.yml", "noxfile.py", "tasks.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]


@pytest.mark.parametrize("seed", sorted({choice.SEED, *range(20)}))
def test_each_appears_twice(seed: int) -> None:
    """Any seed chooses 24 different projects in which each kind, backend and lock is there."""
    found = choice.chosen(seed)
    assert len({*found}) == choice.COUNT
    assert not [triple for triple in found if choice.impossible(*triple)]
    seen = Counter(part for triple in found for part in enumerate(triple))
    wanted = [(0, name) for name in KINDS] + [(1, name) for name in BACKENDS]
    wanted += [(2, name) for name in LOCKS]
    assert min(seen[part] for part in wanted) >= choice.EACH
