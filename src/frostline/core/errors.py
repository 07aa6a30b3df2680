"""The errors that users see, each class with its exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from frostline.core import exit_codes


class FrostlineError(Exception):
    """An error that the command line prints without a traceback.

    *message* says what is wrong, *hint* what to do next; *tail* holds the last lines of output.
    """

    exit_code = exit_codes.BUG

    def __init__(self, message: str, *, hint: str = "", tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.tail = tuple(tail)


class UsageError(FrostlineError):
    """A wrong argument."""

    exit_code = exit_codes.USAGE


class NotBuiltError(UsageError):
    """The product is not built yet."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a TOML file: its place and the reason."""

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        """Return the problem on one line, in the format of compiler errors."""
        return f"{self.file}:{self.line}: {self.key}: {self.reason}"


class TomlError(FrostlineError):
    """All mistakes of a TOML file at once; *page* of frostline's documentation has its keys."""

    exit_code = exit_codes.USAGE

    def __init__(self, problems: Sequence[Problem], page: str = "") -> None:
        self.problems = tuple(sorted(problems))
        number = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        file = self.problems[0].file
        message = f"{file} has {number} mistake{'s' if number != 1 else ''}:\n{lines}"
        super().__init__(message, hint=f"frostline's {page} describes every key" if page else "")


class LockError(FrostlineError):
    """The lock does not satisfy the product, or a download does not match the lock."""

    exit_code = exit_codes.USAGE


class HostError(FrostlineError):
    """This machine cannot do what was asked."""

    exit_code = exit_codes.HOST


class BuildError(FrostlineError):
    """A step of the build failed."""

    exit_code = exit_codes.BUILD


class SmokeError(FrostlineError):
    """The artifact was launched and failed its smoke test."""

    exit_code = exit_codes.NOT_GOOD


class BusyError(FrostlineError):
    """Another process is building the same target."""

    exit_code = exit_codes.BUSY


class StorageError(FrostlineError):
    """The disk is full or a folder is not writable."""

    exit_code = exit_codes.STORAGE


class FetchError(FrostlineError):
    """A file cannot be fetched, or has the wrong size or digest."""

    exit_code = exit_codes.FETCH


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ` Did you mean "…"?` with the closest word of *known*, or "" if none is close."""
    matches = get_close_matches(word, known, n=1, cutoff=0.5)
    return f' Did you mean "{matches[0]}"?' if matches else ""
