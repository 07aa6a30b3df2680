"""Writing and reading the manifest."""

import pytest

from frostline.profile import services
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


@pytest.mark.product("X3")
def test_times_of_a_profile_that_names_none() -> None:
    """A service is asked every 5 s, and has 5 s to stop."""
    assert (Probe().interval, Service(name="x").grace) == (5.0, 5.0)
    assert (services.Probe().interval, services.Service(name="x").grace) == (5.0, 5.0)


def test_another_schema_is_refused() -> None:
    """A manifest with another schema number raises ManifestError."""
    with pytest.raises(ManifestError, match="build it again"):
        manifest.parse(manifest.dump(VALUE).replace('"schema": 1', '"schema": 2'))
