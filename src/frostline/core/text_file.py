"""Reads the text files that users write."""

from pathlib import Path

from frostline.core.errors import UsageError


def read(path: Path) -> str:
    """Return the text of *path*. Raises FileNotFoundError, UsageError if it is no UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"{path}:{line}: is not UTF-8 text."
        raise UsageError(message, hint="save the file as UTF-8") from None
    except (IsADirectoryError, PermissionError) as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise UsageError(message, hint="it must be a file that you may read") from None
