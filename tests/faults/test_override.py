"""The user's settings take effect, and mistakes in them stop nothing."""

import sys
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

from harness import Launch, service


def test_settings_of_the_user(launch: Launch, tmp_path: Path) -> None:
    """One service is switched off; the mistake is written to standard error."""
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "settings.toml").write_text(
        "[services.other]\nenabled = false\n[services.main]\ngrace = -1\n", encoding="utf-8"
    )
    artifact = launch(service(), service("other"))
    states = artifact.wait_for("ready")["services"]
    assert (states["main"]["state"], states["other"]["state"]) == ("READY", "DISABLED")
    assert "services.main.grace is -1, expected seconds" in artifact.stderr()
