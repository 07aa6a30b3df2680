"""What cannot be imported on this system is not collected."""

import sys

collect_ignore = [] if sys.platform == "linux" else ["test_linux.py"]
collect_ignore += ["test_posix.py", "test_lifeline.py"] if sys.platform == "win32" else []
