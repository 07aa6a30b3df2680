"""Whether this process is frozen, where its bundle is, and how it starts itself again."""

import os
import sys
from pathlib import Path

# The variable with the folder of the manifest when a product runs from source.
SOURCE_BUNDLE = "FROSTLINE_BUNDLE"


def is_frozen() -> bool:
    """Tell whether this process runs from a frozen artifact."""
    return bool(getattr(sys, "frozen", False))


def bundle() -> Path:
    """Return the folder with the manifest and the bundled files."""
    if is_frozen():
        return Path(str(sys._MEIPASS))  # type: ignore[attr-defined]  # noqa: SLF001  # PyInstaller's documented name
    return Path(os.environ[SOURCE_BUNDLE])


def own_command(*arguments: str) -> tuple[str, ...]:
    """Return the command that starts this artifact again with *arguments*."""
    if is_frozen():
        return (sys.executable, *arguments)
    return (sys.executable, "-P", "-m", "frostline_runtime.entry", *arguments)


def is_onefile() -> bool:
    """Tell whether a bootloader has unpacked this artifact into a temporary folder."""
    folder = os.path.dirname(os.path.realpath(sys.executable))  # noqa: PTH120  # start-up time
    return is_frozen() and not str(bundle()).startswith(folder)


def is_same_executable(candidate: str) -> bool:
    """Tell whether *candidate* is the executable of this artifact."""
    return is_frozen() and os.path.realpath(candidate) == os.path.realpath(sys.executable)
