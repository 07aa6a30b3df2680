"""A service beside the first one."""

import sys
import threading

from frail.behaviour import behaviour


def main() -> None:
    """Wait for the end, or be dead."""
    if behaviour()[0] == "dead-worker":
        sys.exit("the worker cannot go on")
    threading.Event().wait()
