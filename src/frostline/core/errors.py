"""Everything that can go wrong for a user, each kind with its exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# Every exit code of the verbs, with its meaning; docs/exit-codes.md is made from it.
EXIT_CODES = {
    0: "done",
    1: "a mistake of frostline's own, with a traceback; or a flag that Invoke does not know",
    2: "wrong usage: an argument, the profile, the lock; or the product was not built yet",
    3: "this machine cannot do it: a tool is missing, or another platform is needed",
    4: "the build failed",
    5: "the artifact is not good: its smoke test, audit or comparison failed",
    6: "busy: another build of the same product runs",
    7: "the disk is full, or a folder cannot be written",
    8: "a download failed, or a fetched file is not what it should be",
    130: "interrupted",
}


class FrostlineError(Exception):
    """What is wrong and what to do next; the command line prints it without a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.tail = tuple(tail)


class UsageError(FrostlineError):
    """A wrong argument."""

    exit_code = 2


class NotBuiltError(UsageError):
    """The product was not built yet."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a profile: where it stands and what was expected."""

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        """Return the problem on one line, as compilers write theirs."""
        return f"{self.file}:{self.line}: {self.key}: {self.reason}"


class ProfileError(FrostlineError):
    """All mistakes of a profile at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        number = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            f"the profile has {number} mistake{'s' if number != 1 else ''}:\n{lines}",
            hint="every key is described in docs/profile.md",
        )


class LockError(FrostlineError):
    """The lock does not fit the product, or a download does not fit the lock."""

    exit_code = 2


class HostError(FrostlineError):
    """This machine cannot do what was asked."""

    exit_code = 3


class BuildError(FrostlineError):
    """A step of the build has failed."""

    exit_code = 4


class SmokeError(FrostlineError):
    """The artifact was launched and is not good."""

    exit_code = 5


class BusyError(FrostlineError):
    """Another process is at the same work."""

    exit_code = 6


class StorageError(FrostlineError):
    """The disk is full or a folder cannot be written."""

    exit_code = 7


class FetchError(FrostlineError):
    """A file cannot be fetched, or is not what it should be."""

    exit_code = 8


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ` Did you mean "…"?` for the nearest of *known*, or nothing."""
    matches = get_close_matches(word, known, n=1, cutoff=0.5)
    return f' Did you mean "{matches[0]}"?' if matches else ""
