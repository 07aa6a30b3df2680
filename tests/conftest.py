"""Fixtures that tests in several folders share."""

from typing import Any

import github_api
import pytest


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return GitHub's description of its API."""
    return github_api.description(tmp_path_factory.mktemp("openapi"))
