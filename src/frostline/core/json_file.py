"""Reads and writes the JSON files that steps, processes and CI jobs exchange."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from frostline.core import workspace

T = TypeVar("T")


def parse(text: str | bytes, kind: type[T]) -> T:
    """Return the JSON *text* as a *kind*. Raises ValueError if it does not match."""
    return TypeAdapter(kind).validate_json(text)


def read(path: Path, kind: type[T]) -> T:
    """Return the JSON file at *path* as a *kind*. Raises OSError, and ValueError as `parse`."""
    return parse(path.read_bytes(), kind)


def dump(value: object) -> str:
    """Return *value* (dataclasses, paths, plain data) as JSON that people can read and compare."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=_plain)
    return f"{text}\n"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    message = f"{type(value).__name__} cannot be written as JSON"
    raise TypeError(message)


def write(path: Path, value: object) -> None:
    """Write *value* to *path* as JSON, atomically. Raises OSError."""
    workspace.write(path, dump(value))
