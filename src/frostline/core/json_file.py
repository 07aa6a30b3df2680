"""JSON files that pass between stages, processes and CI jobs: dataclasses, written and checked."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from frostline.core import workspace

T = TypeVar("T")


def parse(text: str | bytes, kind: type[T]) -> T:
    """Return the *kind* that the JSON *text* holds. Raises ValueError if it holds another."""
    return TypeAdapter(kind).validate_json(text)


def read(path: Path, kind: type[T]) -> T:
    """Return the *kind* that the file at *path* holds. Raises OSError, ValueError."""
    return parse(path.read_bytes(), kind)


def dump(value: object) -> str:
    """Return dataclasses, paths and plain data as JSON text that people can read and compare."""
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
    """Write *value* to *path* as JSON so that no reader ever sees half of it. Raises OSError."""
    workspace.write(path, dump(value))
