"""Starts the guardian, the parent of the supervisor, before anything else is imported."""

import os
from collections.abc import Sequence

from frostline_runtime.artifact import frozen

INSTANCE = "FROSTLINE_INSTANCE"
_WITH_VALUE = frozenset({"--port", "--lifeline", "--shell-pid"})
_ALONE = frozenset({"-h", "--help", "--version"})


def begin(argv: Sequence[str]) -> None:
    """Start a guardian above this process if *argv* asks to run all services.

    On POSIX this forks: the child returns, the parent is the guardian and never returns.
    """
    if supervises(argv):
        from frostline_runtime.system import current  # noqa: PLC0415  # no other start needs it yet

        instance = os.environ[INSTANCE] = os.urandom(16).hex()
        current.guard({INSTANCE: instance}, with_parent=frozen.is_onefile())


def supervises(argv: Sequence[str]) -> bool:
    """Tell whether *argv* has no command, and no option like `--help` that only prints."""
    skip = False
    for argument in argv:
        if skip:
            skip = False
        elif not argument.startswith("-") or argument in _ALONE:
            return False
        else:
            skip = argument in _WITH_VALUE
    return True
