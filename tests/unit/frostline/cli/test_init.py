"""What `frostline init` writes into a project."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import tomlkit

from frostline.cli import init
from frostline.core import own_files
from frostline.core.platforms import host
from frostline.core.workspace import Workspace
from frostline.infer import opening

ROOT = Path(__file__).resolve().parents[4]
APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
PROJECT = '# mine\n[project]\nname = "shop"\nversion = "1"\n'
LOCK = "x==1 --hash=sha256:00\n"


def project(folder: Path, files: Mapping[str, str]) -> Workspace:
    """Return a project in *folder* with *files*."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Workspace(folder)


def planned(found: Workspace, *wanted: str) -> init.Plan:
    """Return what `init` with the files *wanted* changes in *found*, without a lock."""
    return init.plan(found, wanted, os.environ, dry_run=True)


def test_into_pyproject(tmp_path: Path) -> None:
    """What was inferred is added to pyproject.toml with its reasons; the rest stays as it is."""
    found = project(tmp_path, {"pyproject.toml": PROJECT, "shop.py": APP, "requirements.txt": LOCK})
    before = opening.open_build(found, "shop", host(), os.environ)
    plan = planned(found)
    assert plan.changes[0].after.startswith(PROJECT)
    assert 'entry = "shop:app" # shop.py:3' in plan.changes[0].after
    assert "+[tool.frostline]" in plan.changes[0].diff.splitlines()
    assert not (tmp_path / "frostline.toml").exists()
    init.write(plan.changes)
    after = opening.open_build(found, "shop", host(), os.environ)
    assert (after.profile, after.inferred) == (before.profile, ())
    assert planned(found).changes == ()


def test_into_a_file_of_its_own(tmp_path: Path) -> None:
    """A project without pyproject.toml gets frostline.toml, with tables after plain keys."""
    body = "import argparse\nargparse.ArgumentParser().parse_args()\n"
    found = project(tmp_path / "tool", {"main.py": body, "requirements.txt": LOCK})
    before = opening.open_build(found, "tool", host(), os.environ)
    (change,) = planned(found).changes
    assert change.name == "frostline.toml"
    document = tomlkit.parse(change.after)
    assert [*document] == ["entry", "smoke"]
    init.write([change])
    assert opening.open_build(found, "tool", host(), os.environ).profile == before.profile


@pytest.mark.parametrize("name", init.FILES)
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    """A file that is there stays, and is named."""
    file = init.FILES[name]
    found = project(tmp_path, {"app.py": APP, "requirements.txt": LOCK, file: "mine\n"})
    plan = planned(found, name)
    assert file not in {change.name for change in plan.changes}
    assert f"{file} exists and is not changed" in plan.notes


def test_files_for_ci(tmp_path: Path) -> None:
    """No name in braces is left, and the version of frostline is the one that writes."""
    found = project(tmp_path, {"app.py": APP, "requirements.txt": LOCK})
    texts = {change.name: change.after for change in planned(found, *init.FILES).changes}
    workflow = texts[".github/workflows/freeze.yml"]
    assert re.search(r'pip install "frostline==\d', workflow)
    assert "cache-dependency-path: requirements.txt" in workflow
    assert not re.search(r"(?<!\$)\{[a-z-]+\}", workflow.replace("{{", ""))
    assert "from frostline.cli.verbs import namespace" in texts["tasks.py"]
    compile(texts["noxfile.py"], "noxfile.py", "exec")


def test_the_same_actions_as_here() -> None:
    """The actions are pinned to the commits that this repository's own workflow uses."""
    pattern = re.compile(r"uses: (\S+@[0-9a-f]{40} # v\S+)")
    own = (ROOT / ".github" / "workflows" / "freeze.yml").read_text(encoding="utf-8")
    made = own_files.data("resources", "init", "freeze.yml").read_text(encoding="utf-8")
    assert {*pattern.findall(made)} == {*pattern.findall(own)}
    assert made.count("uses: ") == len(pattern.findall(made))
