"""What is shown is what was meant, whatever characters a text has."""

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
