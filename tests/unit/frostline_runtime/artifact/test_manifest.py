"""Writing and reading the manifest."""

from pathlib import Path

import pytest

from frostline.profile import services
from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import (
    FILE_NAME,
    SCHEMA,
    Manifest,
    ManifestError,
    ModelServer,
    Port,
    Probe,
    Service,
    load,
)

VALUE = Manifest(
    product="argo",
    name="argo",
    version="1",
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


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"', "{}", f'{{"schema": {SCHEMA}}}'])
def test_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    """A damaged manifest raises ManifestError, and nothing else."""
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match="is damaged"):
        load(tmp_path)


def test_a_manifest_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, or a folder, are told, too."""
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(ManifestError, match="cannot be read"):
        load(tmp_path)
