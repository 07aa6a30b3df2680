"""Tells whether processes have ended."""

import time
from collections.abc import Iterable

import psutil


def alive(
    processes: Iterable[psutil.Process | int], timeout: float = 2.0
) -> list[psutil.Process | int]:
    """Return those of *processes* that still run after at most *timeout* seconds.

    A zombie has ended: the first process of a container may reap late, or never.
    """
    deadline, left = time.monotonic() + timeout, list(processes)
    while (left := list(filter(_runs, left))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _runs(process: psutil.Process | int) -> bool:
    try:
        found = psutil.Process(process) if isinstance(process, int) else process
        return found.is_running() and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
