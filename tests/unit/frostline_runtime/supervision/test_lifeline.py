"""The connection between supervisor and service."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

assert sys.platform != "win32"  # Windows services have no lifeline

import pytest

import frostline_runtime
from frostline_runtime.supervision import lifeline, looplag
from frostline_runtime.supervision.lifeline import Tether
from frostline_runtime.supervision.looplag import LoopLag

SOURCE = str(Path(frostline_runtime.__file__).parents[1])


def test_a_service_reports_its_lag() -> None:
    """A real service answers the question about its event loop, and ends with the supervisor."""
    code = (
        "import sys, threading; from frostline_runtime.supervision import lifeline\n"
        "lags = iter([1.5, None])\n"
        "lifeline.follow(int(sys.argv[1]), lambda: next(lags))\n"
        "threading.Event().wait()"
    )
    with Tether() as tether:
        service = subprocess.Popen(
            [sys.executable, "-c", code, str(tether.fileno())], pass_fds=(tether.fileno(),),
            env={**os.environ, "PYTHONPATH": SOURCE},
        )  # fmt: skip
    tether.ask()
    assert tether.answer(10) == 1.5
    tether.ask()
    assert tether.answer(10) is None  # there is no event loop
    tether.close()
    assert service.wait(10) == -signal.SIGTERM


def test_old_answers_are_forgotten() -> None:
    """A late answer to an earlier question is dropped."""
    with Tether() as tether:
        theirs = os.dup(tether.fileno())
        os.write(theirs, b'{"lag": 9}\n')
        tether.ask()
        assert tether.answer(0.01) is None
        os.close(theirs)
    tether.close()


def test_no_answer() -> None:
    """Silence, garbage and a closed connection give None."""
    with Tether() as tether:
        theirs = os.dup(tether.fileno())
        assert tether.answer(0.01) is None
        for text in (b"nonsense", b"[]", b'{"lag": "x"}'):
            os.write(theirs, text)
            assert tether.answer(1) is None
        os.close(theirs)
    tether.ask()
    assert tether.answer(1) is None
    tether.close()
    tether.ask()


def test_the_end_of_the_supervisor() -> None:
    """The service's end is closed when the supervisor's is."""
    ended = threading.Event()
    with Tether() as tether:
        lifeline.watch(os.dup(tether.fileno()), ended.set, lambda _: None)
    assert not ended.wait(0.05)
    tether.close()
    assert ended.wait(5)


def test_lag_of_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """None without a loop; a blocked loop has a growing lag."""
    monkeypatch.setattr(looplag, "LAG_TIMEOUT", 20.0)
    lag = LoopLag()
    assert lag.measure() is None
    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    lag.watch(loop)
    found = lag.measure()
    assert found is not None
    assert found < 20.0
    free, gone_on = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(free.wait)
    with monkeypatch.context() as patch:
        patch.setattr(looplag, "LAG_TIMEOUT", 0.05)
        first, second = lag.measure(), lag.measure()
    assert first is not None
    assert second is not None
    assert 0.05 <= first < second
    loop.call_soon_threadsafe(gone_on.set)
    free.set()
    assert gone_on.wait(20)
    asked = time.monotonic()
    found = lag.measure()
    assert found is not None
    assert found <= time.monotonic() - asked  # the time between two questions does not count
    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()
    assert lag.measure() is None
