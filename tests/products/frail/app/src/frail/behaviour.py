"""What is to be broken: words in a file of the bundle, which tests write after the freeze."""

import sys
from pathlib import Path

BUNDLE = Path(getattr(sys, "_MEIPASS", "") or Path(__file__).parents[1])


def behaviour() -> tuple[str, str]:
    """Return what to do wrong, and with what."""
    path = BUNDLE / "frail" / "behaviour.txt"
    name, _, value = (path.read_text("utf-8") if path.is_file() else "").strip().partition(" ")
    return name, value
