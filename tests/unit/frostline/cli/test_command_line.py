"""A wrong command line: one message, a next step and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frostline.cli import program


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ("build --produkt x", 'build has no flag --produkt. Did you mean "--product"?', "build "),
        ("buld", 'there is no verb "buld". Did you mean "build"?', ""),
        ("build smok", 'there is no verb "smok". Did you mean "smoke"?', ""),
        ("smoke --where", "--where needs a value.", "smoke "),
        ("--lisst", 'frostline has no flag --lisst. Did you mean "--list"?', ""),
    ],
)
def test_wrong_words(
    words: str,
    said: str,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The message names the word, what is similar, and the help to read."""
    monkeypatch.setattr(sys, "argv", ["frostline", *words.split()])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"error: {said}\n hint: run `frostline {hint}--help`\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize("words", ["--help", "--version", "--list", "platforms"])
def test_a_full_disk(words: str) -> None:
    """An output that cannot be written is exit code 7, without a traceback."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    script = "import sys; from frostline.cli import program; program.main()"
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", script, words], stdout=full, stderr=subprocess.PIPE, text=True,
            check=False, env=buffered,
        )  # fmt: skip
    assert done.returncode == 7
    assert done.stderr.count("No space left on device") == 1
    assert "Traceback" not in done.stderr
