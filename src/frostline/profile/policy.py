"""What an artifact must be on each system, `resources/policy.toml`."""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError

from frostline.core import own_files
from frostline.core.platforms import Machine, OperatingSystem
from frostline.core.workspace import Workspace
from frostline.profile import mistakes, toml_file
from frostline.profile.table import Strings, Table


class SystemPolicy(Table):
    """What holds on one system."""

    libraries: Strings
    """Patterns of the libraries that it brings."""
    longest: int
    """Most characters of a file's path in the bundle."""


class Debian(Table):
    """A system made of Debian's packages alone."""

    suite: str
    packages: Strings
    setup: str = ""
    """A shell script that runs in it."""


class Image(Table):
    """The system that Linux artifacts are frozen in."""

    base: str = Field(pattern=r"@sha256:[0-9a-f]{64}$")
    """What a registry has, by digest."""
    python: str
    """The interpreter in it, which needs a shared libpython."""
    setup: str = ""
    """A shell script that runs in it."""
    wheels: str = ""
    """The image that cibuildwheel builds in; its own choice, a manylinux, if empty."""
    debian: dict[Machine, Debian]
    """What stands in for it where no registry can be reached."""


class Policy(Table):
    """The whole file."""

    schema_: Literal[1]
    """The version of this format."""
    severity: Mapping[str, Literal["error", "warning", "note"]]
    """How much a finding matters, by its id."""
    system: dict[OperatingSystem, SystemPolicy]
    """By operating system."""
    image: Image
    """For containers."""


def load(workspace: Workspace) -> Policy:
    """Return the project's policy, or frostline's own where the project has none.

    Raises ProfileError.
    """
    own = workspace.root / "resources" / "policy.toml"
    path = own if own.is_file() else own_files.data("resources", "policy.toml")
    file = toml_file.read(path, workspace.root)
    table = {"schema_" if key == "schema" else key: value for key, value in file.table.items()}
    try:
        return Policy.model_validate_json(json.dumps(table))
    except ValidationError as error:
        raise file.error(mistakes.of_fields(error, tuple(Policy.model_fields))) from None
