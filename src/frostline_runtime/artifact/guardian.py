"""The process above the supervisor, forked off before anything else is imported."""

import os
from collections.abc import Sequence

from frostline_runtime.artifact import frozen

INSTANCE = "FROSTLINE_INSTANCE"
_WITH_VALUE = frozenset({"--port", "--lifeline", "--shell-pid"})
_ALONE = frozenset({"-h", "--help", "--version"})


def begin(argv: Sequence[str]) -> None:
    """Put a guardian above this process if *argv* asks to run all services.

    Returns in the process that is guarded; the guardian itself never returns from here.
    """
    if supervises(argv):
        from frostline_runtime.system import current  # noqa: PLC0415  # a service needs none yet

        instance = os.environ[INSTANCE] = os.urandom(16).hex()
        current.guard({INSTANCE: instance}, with_parent=frozen.is_onefile())


def supervises(argv: Sequence[str]) -> bool:
    """Tell whether *argv* holds options only, and none that is answered at once."""
    skip = False
    for argument in argv:
        if skip:
            skip = False
        elif not argument.startswith("-") or argument in _ALONE:
            return False
        else:
            skip = argument in _WITH_VALUE
    return True
