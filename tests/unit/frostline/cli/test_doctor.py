"""What the doctor says about the products of a project."""

import os
from pathlib import Path

from frostline.cli import doctor
from frostline.core.workspace import Workspace


def test_a_profile_with_mistakes_is_named(tmp_path: Path) -> None:
    """Its mistakes are shown; they do not mean that the machine cannot build."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "echo.toml").write_text("schema = 1\nlayuot = 'onedir'\n", "utf-8")
    found = {item.subject: item for item in doctor.examine(Workspace(tmp_path), os.environ)}
    said = found["product echo"]
    assert said.state == "note"
    assert 'specs/echo.toml:2: layuot: unknown key. Did you mean "layout"?' in said.detail
