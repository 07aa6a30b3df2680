"""The second service of the product."""

import sys
import threading

from frail.behaviour import behaviour


def main() -> None:
    """Wait until this process is ended, or exit at once for the behaviour `dead-worker`."""
    if behaviour()[0] == "dead-worker":
        sys.exit("the worker cannot go on")
    threading.Event().wait()
