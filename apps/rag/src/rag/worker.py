"""Runs the worker in this process, one document at a time."""

from rag.queue import app


def main() -> None:
    """Work until told to stop."""
    app.worker_main([
        "worker", "--pool=solo", "--loglevel=info", "--without-gossip", "--without-mingle",
        "--without-heartbeat",
    ])  # fmt: skip
