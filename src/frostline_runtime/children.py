"""Children that multiprocessing starts from a onefile artifact."""

from collections.abc import Callable
from multiprocessing import util
from typing import ParamSpec, TypeVar

from frostline_runtime.artifact import environment

P = ParamSpec("P")
R = TypeVar("R")


def hand_on_bootloader() -> None:
    """Let them use our unpacked folder.

    Without what our bootloader had set each of them would unpack one of its own, and not find the
    main module where it is told to look.
    """
    if hasattr(util, "spawnv_passfds"):  # POSIX
        util.spawnv_passfds = _with_bootloader(util.spawnv_passfds)


def _with_bootloader(start: Callable[P, R]) -> Callable[P, R]:
    def started(*args: P.args, **kwargs: P.kwargs) -> R:
        with environment.as_bootloader():
            return start(*args, **kwargs)

    return started
