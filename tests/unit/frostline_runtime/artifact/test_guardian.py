"""Which command lines get a guardian."""

import pytest

from frostline_runtime.artifact.guardian import supervises


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", True),
        ("--port 80", True),
        ("--port=80 --no-restart", True),
        ("--lifeline stdin --shell-pid 7", True),
        ("--version", False),
        ("--help", False),
        ("status", False),
        ("service api", False),
        ("--port 80 service api", False),
        ("--multiprocessing-fork a=1", False),
        ("-c code", False),
    ],
)
def test_supervises(line: str, *, expected: bool) -> None:
    """Only a start of all services gets a guardian; commands and `--help` do not."""
    assert supervises(line.split()) is expected
