"""The connection between supervisor and service, and the pulse that it carries."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

assert sys.platform != "win32"  # where nothing is inherited

import frostline_runtime
from frostline_runtime.supervision import lifeline
from frostline_runtime.supervision.lifeline import Tether
from frostline_runtime.supervision.looplag import PATIENCE, LoopLag

SOURCE = str(Path(frostline_runtime.__file__).parents[1])


def test_the_pulse_of_a_service() -> None:
    """The question reaches a real process and its answer comes back; it ends with us."""
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
    assert tether.answer(10) is None  # it has no loop
    tether.close()
    assert service.wait(10) == -signal.SIGTERM


def test_old_answers_are_forgotten() -> None:
    """What was said after we had lost patience is no answer to a new question."""
    with Tether() as tether:
        theirs = os.dup(tether.fileno())
        os.write(theirs, b'{"lag": 9}\n')
        tether.ask()
        assert tether.answer(0.01) is None
        os.close(theirs)
    tether.close()


def test_nobody_answers() -> None:
    """Neither silence nor nonsense nor the end is an error."""
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
    """The service's end reaches its own when ours is closed."""
    ended = threading.Event()
    with Tether() as tether:
        lifeline.watch(os.dup(tether.fileno()), ended.set, lambda _: None)
    assert not ended.wait(0.05)
    tether.close()
    assert ended.wait(5)


def test_lag_of_a_loop() -> None:
    """Nothing is known before there is a loop, or after; a blocked one is silent ever longer."""
    lag = LoopLag()
    assert lag.measure() is None
    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    lag.watch(loop)
    found = lag.measure()
    assert found is not None
    assert found < PATIENCE
    free = threading.Event()
    loop.call_soon_threadsafe(free.wait)
    first, second = lag.measure(), lag.measure()
    assert first is not None
    assert second is not None
    assert PATIENCE <= first < second
    free.set()
    time.sleep(PATIENCE)  # nobody asks meanwhile: this time is not the loop's
    found = lag.measure()
    assert found is not None
    assert found < PATIENCE
    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()
    assert lag.measure() is None
