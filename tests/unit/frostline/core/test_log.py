"""What is shown is what was meant, whatever characters a text has."""

import os
import subprocess
import sys

import pytest

from frostline.core import log


def test_a_text_is_shown_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are no markup and words between colons no emoji."""
    text = "[red]lib:key:so[/red]"
    log.note(text)
    log.text(text)
    log.table("files", ("file",), [(text,)])
    shown = capsys.readouterr()
    assert shown.err.strip() == text
    assert shown.out.count(text) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes of POSIX")
def test_work_goes_on_when_nobody_reads_its_progress() -> None:
    """A reader of stderr that has ended, such as `head`, ends no build."""
    script = (
        "from frostline.core import log\n"
        "for _ in range(3):\n    log.note('x')\n"
        "with log.step('y'):\n    pass\n"
        "print('done')"
    )
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=writing, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"done\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_error(closed: str) -> None:
    """What would go to it goes nowhere."""
    script = "from frostline.cli.program import main; main()"
    command = f'"$0" -c "$1" products {closed}'
    done = subprocess.run(["sh", "-c", command, sys.executable, script], check=False)
    assert done.returncode == 0
