"""Two builds of argo in different folders and environments are the same to the bit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent


def build(folder: Path, path: str) -> dict[str, list[str]]:
    """Build argo from a copy of the project in *folder*; return what the bundle holds."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("apps", "specs", "resources"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    argv = [str(SCRIPTS / "frostline"), "build", "--product", "argo"]
    env = {**os.environ, "PATH": path}
    subprocess.run(argv, cwd=folder, env=env, check=True)
    report = next((folder / "build" / "output").glob("argo-*.bundle.json"))
    files: dict[str, list[str]] = json.loads(report.read_text(encoding="utf-8"))["files"]
    return files


@pytest.mark.product("A1")
def test_bundles_are_bit_identical(tmp_path: Path) -> None:
    """Neither the folder nor the installer of the environment leaves a trace in the bundle."""
    uv = shutil.which("uv", path=str(SCRIPTS))
    assert uv, "the tests' lock brings uv"
    only_uv = tmp_path / "bin"
    only_uv.mkdir()
    (only_uv / Path(uv).name).symlink_to(uv)
    system = os.environ["PATH"].replace(str(SCRIPTS), "")
    with_pip = build(tmp_path / "one", system)
    with_uv = build(tmp_path / "another and longer folder", f"{only_uv}{os.pathsep}{system}")
    assert with_pip == with_uv
    assert "argo" in with_pip
    markers = tmp_path.glob("*/build/env/argo-*/frostline-complete.json")
    installers = {json.loads(path.read_text(encoding="utf-8"))["installer"] for path in markers}
    assert installers == {"pip", "uv"}
