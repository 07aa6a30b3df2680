"""Signals that ask the artifact to stop."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator

assert sys.platform != "win32"  # a signal cannot be sent to one thread there

import pytest

from frostline_runtime.supervision import signals


@pytest.fixture
def heard() -> Iterator[queue.SimpleQueue[signal.Signals]]:
    """Return a queue of the signals that are heard."""
    before = signal.getsignal(signal.SIGUSR1)
    found: queue.SimpleQueue[signal.Signals] = queue.SimpleQueue()
    signals.listen((signal.SIGUSR1,), found.put)
    yield found
    os.close(signal.set_wakeup_fd(-1))
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_does_not_wake_the_main_thread(
    heard: queue.SimpleQueue[signal.Signals],
) -> None:
    """A signal is heard at once, although the main thread waits and runs no handler."""

    def send() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    threading.Timer(0.1, send).start()
    assert heard.get(timeout=20) is signal.SIGUSR1
