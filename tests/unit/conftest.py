"""What cannot be imported on this system is not collected."""

import os

collect_ignore = ["test_posix.py"] if os.name == "nt" else []
