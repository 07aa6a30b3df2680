"""noxw waits for what it has started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Both take Ctrl-C even if the tests run in the background of a shell, which ignores it.
CHILD = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.6)  # longer than subprocess.run would wait
    print("tidied up", flush=True)
"""
PROGRAM = """
import signal, sys
import noxw
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    noxw.run([sys.executable, "-c", sys.argv[1]])
except KeyboardInterrupt:
    print("ended", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a process group of POSIX")
def test_ctrl_c_lets_the_command_tidy_up() -> None:
    """After Ctrl-C noxw ends when its command has ended, not before."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, CHILD], stdout=subprocess.PIPE, text=True,
        start_new_session=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read().split("\n") == ["tidied up", "ended", ""]
