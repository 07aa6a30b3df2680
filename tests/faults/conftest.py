"""The tests here run on Linux only, where faults can be injected."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["*"]

if sys.platform == "linux":
    from fixtures import launch, tag

    __all__ = ["launch", "tag"]
