"""Faults are injected on Linux; elsewhere there is nothing to collect here."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["*"]

if sys.platform == "linux":
    from fixtures import launch, tag

    __all__ = ["launch", "tag"]
