"""Writing and reading the manifest."""

import pytest

from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import (
    Manifest,
    ManifestError,
    ModelServer,
    Port,
    Probe,
    Service,
)

VALUE = Manifest(
    product="argo",
    name="argo",
    version="1",
    platform="linux_x86_64",
    layout="onedir",
    entry="a:b",
    services=(
        Service(
            name="api", port=Port(number=1), startup=Probe(statuses=(200, 204)), needs=("llm",)
        ),
        Service(name="llm", kind="llamafile"),
    ),
    model_server=ModelServer(arguments=("--metrics",), addresses={"URL": "{url}/v1"}),
    modules=("a",),
    files={"x": "0"},
)


def test_round_trip() -> None:
    """`parse` returns what `dump` has written."""
    assert manifest.parse(manifest.dump(VALUE)) == VALUE


def test_another_schema_is_refused() -> None:
    """A manifest with another schema number raises ManifestError."""
    with pytest.raises(ManifestError, match="build it again"):
        manifest.parse(manifest.dump(VALUE).replace('"schema": 1', '"schema": 2'))
