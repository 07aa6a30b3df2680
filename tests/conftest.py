"""Fixtures that tests in several folders share."""

from pathlib import Path
from typing import Any

import github_api
import pytest
from samples import Samples


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return GitHub's description of its API."""
    return github_api.description(tmp_path_factory.mktemp("openapi"))


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Samples:
    """Return the frozen samples, which all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    root: Path = shared / "samples"
    root.mkdir(exist_ok=True)
    return Samples(root)
