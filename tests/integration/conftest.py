"""Frozen products that several test files share."""

import shutil
from pathlib import Path

import pytest
import verbs

from frostline.core.workspace import Workspace

PRODUCTS = Path(__file__).resolve().parents[1] / "products"


@pytest.fixture(scope="session")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with two frozen products and their evidence.

    Tests must not change it; those that break something work on a copy.
    """
    folder = Path(shutil.copytree(PRODUCTS / "frail", tmp_path_factory.mktemp("frail") / "p"))
    for product in ("frail", "frailtool"):
        for verb in ("evidence", "build"):
            verbs.output(folder, verb, "--product", product)
    verbs.output(folder, "audit", "--product", "frail", "--accept")
    return folder


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Workspace:
    """Return a copy of the test file's `project` whose bundles may be changed."""
    folder = tmp_path / "copy"
    ignored = shutil.ignore_patterns("env", "work", "log")
    shutil.copytree(project, folder, ignore=ignored, symlinks=True)
    return Workspace(folder)
