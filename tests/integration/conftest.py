"""Frozen products that several test files share."""

import shutil
from pathlib import Path

import pytest
from samples import Samples

from frostline.core.workspace import Workspace


@pytest.fixture(scope="session")
def frail(samples: Samples) -> Path:
    """Return the project with the two frozen products frail and frailtool; no test changes it."""
    samples.frozen("frailtool")
    return samples.frozen("frail")


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Workspace:
    """Return a copy of the test file's `project` whose bundles may be changed."""
    folder = tmp_path / "copy"
    ignored = shutil.ignore_patterns("env", "work", "log")
    shutil.copytree(project, folder, ignore=ignored, symlinks=True)
    return Workspace(folder)
