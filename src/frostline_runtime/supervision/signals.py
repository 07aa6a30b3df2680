"""Hears signals at once, whatever the main thread does."""

import signal
import socket
import threading
from collections.abc import Callable, Iterable


def listen(numbers: Iterable[signal.Signals], heard: Callable[[signal.Signals], None]) -> None:
    """Call *heard* from a thread at each signal of *numbers*. Call this from the main thread.

    A handler in Python runs in the main thread. If the signal comes just before that begins to
    wait, the handler runs only when it has waited.
    """
    ours, theirs = socket.socketpair()
    theirs.settimeout(0)
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    threading.Thread(target=_hear, args=(ours, heard), name="signals", daemon=True).start()


def _hear(ours: socket.socket, heard: Callable[[signal.Signals], None]) -> None:
    with ours:
        while numbers := ours.recv(64):
            for number in numbers:
                heard(signal.Signals(number))
