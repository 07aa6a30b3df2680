"""Whether this interpreter can freeze at all, and what the build's children see."""

import os

import pytest

from frostline.core.errors import HostError
from frostline.source import environment


@pytest.mark.skipif(os.name == "nt", reason="every Python for Windows has its library")
def test_interpreter_without_shared_library() -> None:
    """It is refused before anything is made, with the way out."""
    with pytest.raises(HostError, match="no shared libpython") as caught:
        environment.check_interpreter({"Py_ENABLE_SHARED": 0})
    assert "--enable-shared" in caught.value.hint


def test_children_get_nothing_of_this_python() -> None:
    """A user's PYTHONPATH or virtual environment cannot change what is frozen."""
    given = {"PYTHONPATH": "x", "VIRTUAL_ENV": "y", "LD_LIBRARY_PATH": "z", "PATH": "p"}
    result = environment.child_environment(given)
    assert result == {"PATH": "p", "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1"}
