"""The manifest says what the profile says: the same fields, stated twice on purpose."""

from dataclasses import fields
from typing import Literal, get_args, get_origin, get_type_hints

import plain
import pytest

from frostline.freeze.manifest import checked_modules
from frostline.profile import resources, services
from frostline.profile.profile import Profile
from frostline.profile.table import Table
from frostline_runtime.artifact import manifest
from frostline_runtime.artifact.manifest import Manifest

TABLES = (
    services.Environment, services.Port, services.Probe, services.Service, services.ModelServer,
    resources.Resource,
)  # fmt: skip
# What only one of the two has: build-time keys, and what the build works out.
ONLY_PROFILE = {
    "ModelServer": {"smoke"},
    "Resource": {
        "version", "url", "mirrors", "unpack", "strip", "members", "platforms", "confirm",
    },
}  # fmt: skip
ONLY_MANIFEST = {
    "Environment": {"storage_variable", "storage_default", "env_file"},  # of [storage]
    "Resource": {"urls"},  # url and mirrors
    "Manifest": {
        "product", "name", "version", "modules", "distributions", "entry_points",
        "files", "libraries", "schema",
    },
}  # fmt: skip
CHOSEN_BY_FREEZE = {"Service": {"start_timeout", "serve"}}  # what a profile leaves out
REQUIRED = {"Service": {"name": "x"}}


@pytest.mark.parametrize("table", TABLES)
def test_profile_and_manifest_agree(table: type[Table]) -> None:
    """A key that the run time needs is in both, with one name."""
    name = table.__name__
    there = {field.name for field in fields(getattr(manifest, name))}
    here = {*table.model_fields}
    assert here - there == ONLY_PROFILE.get(name, set())
    assert there - here == ONLY_MANIFEST.get(name, set())


def test_the_top_level_agrees() -> None:
    """Every field of the manifest is a key of the profile or is worked out by the build."""
    there = {field.name for field in fields(Manifest)}
    assert there - {*Profile.model_fields} == ONLY_MANIFEST["Manifest"]


def choices(hint: object) -> set[object]:
    """Return the values of the Literal in *hint*, none if it has none."""
    if get_origin(hint) is Literal:
        return {*get_args(hint)}
    return {value for part in get_args(hint) for value in choices(part)}


@pytest.mark.parametrize("table", TABLES)
def test_allowed_values_agree(table: type[Table]) -> None:
    """A key allows the same values in both; files that the build fetches are not in a manifest."""
    name = table.__name__
    there = get_type_hints(getattr(manifest, name))
    here = get_type_hints(table)
    for key in there.keys() & here.keys():
        only = {"build"} if (name, key) == ("Resource", "when") else set()
        assert choices(here[key]) - only == choices(there[key]), key


@pytest.mark.parametrize("name", ["Port", "Probe", "ModelServer", "Service"])
def test_their_defaults_agree(name: str) -> None:
    """What a profile leaves out means the same at run time."""
    table: type[Table] = getattr(services, name)
    given = REQUIRED.get(name, {})
    written = table.model_validate(given)
    there = getattr(manifest, name)(**given)
    shared = {field.name for field in fields(there)} - CHOSEN_BY_FREEZE.get(name, set())
    for key in shared:
        assert getattr(written, key) == getattr(there, key), key


def test_the_self_test_imports_the_entry_first() -> None:
    """Modules may need what the entry sets up; scripts and excluded modules are not imported."""
    profile = plain.profile(
        entry="shop.wsgi:app", excludes=["shop.tests"], hidden_imports=["more"],
        executables=[{"name": "run", "entry": "shop.run"}],
    )  # fmt: skip
    modules = ("shop", "shop.admin", "shop.run", "shop.tests", "shop.urls", "shop.wsgi")
    expected = ("shop.wsgi", "shop", "shop.admin", "shop.urls", "more")
    assert checked_modules(modules, profile) == expected
