"""Child processes that multiprocessing starts from a onefile artifact."""

from collections.abc import Callable
from multiprocessing import util
from typing import ParamSpec, TypeVar

from frostline_runtime.artifact import environment

P = ParamSpec("P")
R = TypeVar("R")


def hand_on_bootloader() -> None:
    """Start these children with the variables that our bootloader had set.

    Without them each child would unpack the artifact again, and would not find the main module
    in the folder that its parent names.
    """
    if hasattr(util, "spawnv_passfds"):  # POSIX
        util.spawnv_passfds = _with_bootloader(util.spawnv_passfds)


def _with_bootloader(start: Callable[P, R]) -> Callable[P, R]:
    def started(*args: P.args, **kwargs: P.kwargs) -> R:
        with environment.as_bootloader():
            return start(*args, **kwargs)

    return started
