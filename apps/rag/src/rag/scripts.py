"""Programs for the command line."""

import sys

from celery.bin.celery import main as celery


def flower() -> int:
    """Show the queue of this installation in a browser: Celery's `flower` command."""
    sys.argv[:] = ["celery", "-A", "rag.queue", "flower", *sys.argv[1:]]
    return int(celery() or 0)
