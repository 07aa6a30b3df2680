"""Skips modules that cannot be imported on this system; sets hypothesis profiles."""

import sys

from hypothesis import settings

settings.register_profile("short", max_examples=60, stateful_step_count=60, deadline=None)
settings.register_profile("long", max_examples=600, stateful_step_count=200, deadline=None)
settings.load_profile("short")

collect_ignore = [] if sys.platform == "linux" else ["frostline_runtime/system/test_linux.py"]
if sys.platform == "win32":
    collect_ignore += [
        "frostline_runtime/system/test_posix.py",
        "frostline_runtime/supervision/test_lifeline.py",
        "frostline_runtime/supervision/test_signals.py",
    ]
