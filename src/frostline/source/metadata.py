"""What a source folder says of itself, without building it: name, version, and how it is built."""

import configparser
import re
from pathlib import Path

from frostline.core.errors import UsageError
from frostline.profile import toml_file
from frostline.profile.mistakes import is_table


def project_metadata(source: Path) -> tuple[str, str]:
    """Return the name and version of *source*, as far as they are written down.

    The name is the folder's where none is written. A version that the build backend works out is
    `dynamic`. Raises UsageError, TomlError.
    """
    name, version = _written(source)
    name = name or re.sub(r"[^A-Za-z0-9]+", "-", source.resolve().name).strip("-") or "product"
    return name, version or ("dynamic" if has_backend(source) else "0")


def required_metadata(source: Path) -> tuple[str, str]:
    """Return the name and version that are written in *source*. Raises UsageError without name."""
    name, version = _written(source)
    if not name:
        message = f"{source} says no name: neither pyproject.toml nor setup.cfg has one."
        raise UsageError(message, hint="add a [project] table with a name to its pyproject.toml")
    return name, version or "dynamic"


def has_backend(source: Path) -> bool:
    """Return whether *source* is built into a wheel; else the folder itself is the product.

    Raises UsageError, TomlError.
    """
    known = pyproject(source)
    if table(known, "tool", "poetry").get("package-mode") is False:
        return False
    if table(known, "tool", "uv").get("package") is False:
        return False
    if table(known, "tool", "pdm").get("distribution") is False:
        return False
    if "build-system" in known or (source / "setup.py").is_file():
        return True
    return any(_setup_cfg(source).has_section(name) for name in ("metadata", "options"))


def pyproject(source: Path) -> dict[str, object]:
    """Return the pyproject.toml of *source* or {}. Raises UsageError, TomlError."""
    file = source / "pyproject.toml"
    return toml_file.read(file, source).table if file.exists() else {}


def table(values: dict[str, object], *key: str) -> dict[str, object]:
    """Return the table *key* of *values*, empty if there is none."""
    for part in key:
        inner = values.get(part)
        values = inner if is_table(inner) else {}
    return values


def _written(source: Path) -> tuple[str, str]:
    known = pyproject(source)
    for found in (table(known, "project"), table(known, "tool", "poetry")):
        name, version = found.get("name"), found.get("version", "")
        if isinstance(name, str) and name:
            return name, str(version)
    cfg = _setup_cfg(source)
    said = cfg.get("metadata", "version", fallback="")
    computed = said.startswith(("attr:", "file:"))
    return cfg.get("metadata", "name", fallback=""), "" if computed else said


def _setup_cfg(source: Path) -> configparser.RawConfigParser:
    """Return the setup.cfg of *source*, empty if there is none. Raises UsageError."""
    parser = configparser.RawConfigParser(strict=False)
    file = source / "setup.cfg"
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, ValueError) as error:
        message = f"{file} cannot be read: {error}."
        raise UsageError(
            message, hint="correct it, or move its metadata to pyproject.toml"
        ) from None
    return parser
