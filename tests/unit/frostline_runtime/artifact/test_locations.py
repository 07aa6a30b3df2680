"""The folders of an artifact."""

import os
from pathlib import Path

from frostline_runtime.artifact.locations import Locations, locate
from frostline_runtime.artifact.manifest import Environment, Manifest
from frostline_runtime.system import current

PRODUCT = Manifest(product="p", name="p", version="1", layout="onedir", entry="")
BUNDLE = Path("bundle")


def test_with_a_storage(tmp_path: Path) -> None:
    """The user's variable wins over the default; the state is in a folder inside."""
    rules = Environment(storage_variable="STORAGE", storage_default=str(tmp_path / "default"))
    manifest = Manifest(
        product="p", name="p", version="1", layout="onedir", entry="",
        environment=rules,
    )  # fmt: skip
    chosen = tmp_path / "chosen"
    assert locate(manifest, {"STORAGE": str(chosen)}, BUNDLE) == Locations(
        bundle=BUNDLE, storage=chosen, data=chosen, state=chosen / "frostline"
    )
    assert locate(manifest, {}, BUNDLE).data == tmp_path / "default"


def test_without_a_storage() -> None:
    """Data and state are in the folder that the system has for the state of programs."""
    found = locate(PRODUCT, os.environ, BUNDLE)
    own = current.state_folder("p", os.environ)
    assert found == Locations(bundle=BUNDLE, storage=None, data=own, state=own)
