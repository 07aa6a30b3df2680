"""Digests of trees and values."""

from pathlib import Path

from frostline.core import digest


def test_a_tree_is_its_names_and_contents(tmp_path: Path) -> None:
    """A tree's digests depend on names and contents, not on caches."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1", encoding="utf-8")
    before = digest.of_tree(tmp_path)
    assert list(before) == ["a/x.py"]
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "x.pyc").touch()
    (tmp_path / "a" / "y.pyc").touch()
    assert digest.of_tree(tmp_path) == before
    (tmp_path / "a" / "x.py").rename(tmp_path / "a" / "z.py")
    assert digest.of_tree(tmp_path) != before


def test_values_do_not_run_together() -> None:
    """Order does not matter; a moved border between key and value does."""
    assert digest.of_values({"a": "1", "b": "2"}) == digest.of_values({"b": "2", "a": "1"})
    assert digest.of_values({"a": "12"}) != digest.of_values({"a1": "2"})
    assert digest.of_values({"a": ""}) != digest.of_values({})
