"""The policy for artifacts, `resources/policy.toml`: limits by system, severities, images."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError

from frostline.core import own_files
from frostline.core.platforms import Machine, OperatingSystem
from frostline.core.workspace import Workspace
from frostline.profile import mistakes, toml_file
from frostline.profile.table import Strings, Table, from_toml


class SystemPolicy(Table):
    """The limits on one operating system."""

    libraries: Strings
    """Patterns of the libraries that the system provides."""
    longest: int
    """The longest path of a file in the bundle, in characters."""


class Debian(Table):
    """A Debian system made from packages, without a registry."""

    suite: str
    packages: Strings
    setup: str = ""
    """A shell script that is run in it."""


class Image(Table):
    """The container image that Linux artifacts are frozen in."""

    base: str = Field(pattern=r"@sha256:[0-9a-f]{64}$")
    """The image in a registry, by digest."""
    python: str
    """Its Python interpreter, which needs a shared libpython."""
    setup: str = ""
    """A shell script that is run in it."""
    wheels: str = ""
    """The image that cibuildwheel builds in; empty: cibuildwheel's default manylinux image."""
    debian: dict[Machine, Debian]
    """The image to make instead where no registry can be reached, by machine."""


class Policy(Table):
    """The whole file."""

    schema_: Literal[1] = Field(alias="schema")
    """The version of this format."""
    severity: Mapping[str, Literal["error", "warning", "note"]]
    """The severity of each finding, by its id."""
    system: dict[OperatingSystem, SystemPolicy]
    """The limits, by operating system."""
    image: Image
    """The image for containers."""


def load(workspace: Workspace) -> Policy:
    """Return the project's policy, or frostline's default if it has none. Raises TomlError."""
    path = own_files.resource(workspace.root, "policy.toml")
    file = toml_file.read(path, workspace.root, "docs/audit.md")
    try:
        return from_toml(Policy, file.table)
    except ValidationError as error:
        raise file.error(mistakes.of_fields(error, Policy)) from None
