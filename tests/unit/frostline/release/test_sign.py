"""The order of signatures."""

from frostline.release.sign import inside_out


def test_inner_files_are_signed_first() -> None:
    """A folder is signed after what lies in it, and the program last, wherever it lies."""
    names = ["argo", "_internal/Python.framework", "_internal/b.dylib", "_internal/lib/deep/c.so",
             "_internal/Python.framework/Versions/3.11/x.dylib"]  # fmt: skip
    assert inside_out(names, "argo") == [
        "_internal/Python.framework/Versions/3.11/x.dylib",
        "_internal/lib/deep/c.so",
        "_internal/Python.framework",
        "_internal/b.dylib",
        "argo",
    ]
    assert inside_out(["a", "z/a", "b"], "a") == ["z/a", "b", "a"]
