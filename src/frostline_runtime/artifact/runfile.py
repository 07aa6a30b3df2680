"""The lock of the running instance, and the file that says where to reach it."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from frostline_runtime.system import current

Facts = dict[str, object]


def take(state: Path) -> int | None:
    """Return a descriptor that holds the lock of folder *state*, None if an instance has it.

    Raises OSError if the folder cannot be used.
    """
    state.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # another user owns the folder
        state.chmod(0o700)
    return current.lock(state / "lock")


def read(state: Path) -> Facts:
    """Return what the last instance has written into folder *state*, {} if there was none."""
    try:
        found = json.loads((state / "instance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("Facts", found) if isinstance(found, dict) else {}


def write(path: Path, facts: Mapping[str, object]) -> None:
    """Write *facts* as JSON, readable by this user only, whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(facts, file)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def remove_unpacked(folder: str) -> None:
    """Remove the unpacked *folder* that a killed bootloader has left behind.

    Removes it only if PyInstaller has named it.
    """
    path = Path(folder)
    if folder and path.name.startswith("_MEI") and path.is_dir() and not path.is_symlink():
        import shutil  # noqa: PLC0415  # rarely needed

        shutil.rmtree(path, ignore_errors=True)


def number(facts: Mapping[str, object], key: str) -> int:
    """Return the number at *key* of *facts*, 0 if there is none."""
    value = facts.get(key)
    return value if isinstance(value, int) else 0
