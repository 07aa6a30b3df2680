"""Frozen products that several test files share."""

import shutil
import subprocess
from pathlib import Path

import pytest
from verbs import FROSTLINE

PRODUCTS = Path(__file__).resolve().parents[1] / "products"


@pytest.fixture(scope="session")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with two frozen products and their evidence.

    Tests must not change it; those that break something work on a copy.
    """
    folder = Path(shutil.copytree(PRODUCTS / "frail", tmp_path_factory.mktemp("frail") / "p"))
    for product in ("frail", "frailtool"):
        for verb in ("evidence", "build"):
            argv = [FROSTLINE, verb, "--product", product]
            done = subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    argv = [FROSTLINE, "audit", "--product", "frail", "--accept"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return folder
