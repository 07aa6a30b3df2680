"""Finds the path at which a running service says whether it is healthy."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress

from frostline.launch.instance import ask
from frostline.profile.services import Probe

# Asked in this order; names that servers, frameworks and Kubernetes' documentation use.
_PATHS = (
    "/health", "/healthz", "/livez", "/live", "/readyz", "/ready", "/health/live", "/health/ready",
    "/healthcheck", "/health-check", "/api/health", "/api/healthz", "/api/v1/health", "/v1/health",
    "/_stcore/health", "/_health", "/-/healthy", "/actuator/health", "/status", "/ping",
)  # fmt: skip
_HEALTH = re.compile(r"/(_?health\w*|health-check|livez?|alive|readyz?|status|ping)/?$")
_OK = range(200, 300)
_NO_ERROR = range(200, 400)
_TIMEOUT = 5.0  # seconds for one answer


def find(url: str) -> Probe:
    """Return the startup probe for the service at *url*, which runs.

    It is the first path for health that answers with 2xx, else `/` if it answers below 400, else
    whether the port is open.
    """
    # A server that answers any path, such as that of a single-page application, says nothing.
    anything = _answer(f"{url}/{uuid.uuid4().hex}")
    for path in dict.fromkeys((*_PATHS, *_documented(url))):
        status, text = _answer(url + path)
        if status in _OK and (status, text) != anything:
            return Probe(path=path, statuses=(status,))
    status, _ = _answer(f"{url}/")
    return Probe(path="/", statuses=(status,)) if status in _NO_ERROR else Probe(kind="tcp")


def _documented(url: str) -> Iterator[str]:
    """Yield the paths for health in the service's OpenAPI document, if it has one."""
    status, text = _answer(f"{url}/openapi.json")
    with suppress(ValueError, AttributeError, KeyError, TypeError):
        for path, methods in json.loads(text)["paths"].items() if status in _OK else ():
            if "get" in methods and _HEALTH.search(path):
                yield path


def _answer(url: str) -> tuple[int, str]:
    return ask("GET", url, timeout=_TIMEOUT, redirect=False)
