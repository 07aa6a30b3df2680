"""Reads the name and version of a source tree from its pyproject.toml."""

from pathlib import Path

from frostline.core.errors import TomlError, UsageError
from frostline.profile import toml_file
from frostline.profile.mistakes import is_table


def project_metadata(source: Path) -> tuple[str, str]:
    """Return the name and version in the pyproject.toml of *source*. Raises UsageError."""
    path = source / "pyproject.toml"
    try:
        project = toml_file.read(path, source).table["project"]
        if is_table(project):
            return str(project["name"]), str(project.get("version", "dynamic"))
    except (TomlError, KeyError) as error:
        message = f"the product's name cannot be read from {path}: {error}."
        raise UsageError(message, hint="add a [project] table with a name") from None
    message = f"{path} has no [project] table."
    raise UsageError(message, hint="add a [project] table with a name")
