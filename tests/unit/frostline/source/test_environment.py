"""The interpreter check, and the environment variables of the build's tools."""

import os

import pytest

from frostline.core.errors import HostError
from frostline.source import environment


@pytest.mark.skipif(os.name == "nt", reason="on Windows every Python has a shared library")
def test_interpreter_without_shared_library() -> None:
    """An interpreter without shared libpython is refused, with a way out."""
    with pytest.raises(HostError, match="no shared libpython") as caught:
        environment.check_interpreter({"Py_ENABLE_SHARED": 0})
    assert "--enable-shared" in caught.value.hint


def test_children_get_nothing_of_this_python() -> None:
    """The user's PYTHONPATH and virtual environment are dropped."""
    given = {"PYTHONPATH": "x", "VIRTUAL_ENV": "y", "LD_LIBRARY_PATH": "z", "PATH": "p"}
    result = environment.child_environment(given)
    assert result == {
        "PATH": "p", "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SSL_CERT_FILE": "a"}, "a"),
        ({"SSL_CERT_FILE": "a", "PIP_CERT": "b"}, "b"),
        ({"SSL_CERT_FILE": "a", "REQUESTS_CA_BUNDLE": "b"}, None),
        ({}, None),
    ],
)
def test_certificates_for_old_pips(given: dict[str, str], expected: str | None) -> None:
    """An old pip knows its own variable and that of requests, but not SSL_CERT_FILE."""
    assert environment.child_environment(given).get("PIP_CERT") == expected
