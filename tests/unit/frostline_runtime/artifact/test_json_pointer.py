"""JSON pointers."""

import pytest

from frostline_runtime.artifact.json_pointer import resolve_pointer


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("", {"a/b": [{"~": 1}]}), ("/a~1b/0/~0", 1), ("/a~1b/0", {"~": 1})],
)
def test_pointer(pointer: str, found: object) -> None:
    """An escaped `/` and `~` are read as RFC 6901 says."""
    assert resolve_pointer({"a/b": [{"~": 1}]}, pointer) == found


# The example of RFC 6901, section 5.
RFC = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
    " ": 7, "m~n": 8, "~1": 9,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/foo/1", "baz"), ("/", 0),
        ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7),
        ("/m~0n", 8), ("/~01", 9),
    ],
)  # fmt: skip
def test_examples_of_the_standard(pointer: str, found: object) -> None:
    """Every example of RFC 6901 gives the value of the standard."""
    assert resolve_pointer(RFC, pointer) == found


@pytest.mark.parametrize(
    "pointer", ["/x", "/a/1", "/a/-", "/a/-1", "/a/", "/a/+0", "/a/ 0", "/a/0/b", "/a/01x"]
)
def test_missing_values(pointer: str) -> None:
    """Everything that is not there raises LookupError."""
    with pytest.raises(LookupError):
        resolve_pointer({"a": [1]}, pointer)
