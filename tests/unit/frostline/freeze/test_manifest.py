"""The manifest says what the profile says: the same fields, stated twice on purpose."""

from dataclasses import fields

import pytest

from frostline.profile import services
from frostline.profile.table import Table
from frostline_runtime.artifact import manifest

# What only one of the two has: build-time keys, and what the build works out.
ONLY_PROFILE = {"ModelServer": {"smoke"}}
ONLY_MANIFEST: dict[str, set[str]] = {}
CHOSEN_BY_FREEZE = {"Service": {"start_timeout", "serve"}}  # what a profile leaves out


@pytest.mark.parametrize("table", [services.Port, services.Probe, services.Service,
                                   services.ModelServer])  # fmt: skip
def test_profile_and_manifest_agree(table: type[Table]) -> None:
    """A key that the run time needs is in both, with one name."""
    name = table.__name__
    there = {field.name for field in fields(getattr(manifest, name))}
    here = {*table.model_fields}
    assert here - there == ONLY_PROFILE.get(name, set())
    assert there - here == ONLY_MANIFEST.get(name, set())


@pytest.mark.parametrize("name", ["Port", "Probe", "ModelServer", "Service"])
def test_their_defaults_agree(name: str) -> None:
    """What a profile leaves out means the same at run time."""
    table: type[Table] = getattr(services, name)
    given = {"name": "x"} if name == "Service" else {}
    written = table.model_validate(given)
    there = getattr(manifest, name)(**given)
    shared = {field.name for field in fields(there)} - CHOSEN_BY_FREEZE.get(name, set())
    for key in shared:
        assert getattr(written, key) == getattr(there, key), key
