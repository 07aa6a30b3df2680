"""How PyInstaller is called."""

import re
from importlib.util import find_spec
from pathlib import Path

from frostline.freeze.pyinstaller import STRICT


def test_pyinstaller_is_as_strict_as_it_can_be() -> None:
    """Every variable by which this PyInstaller turns warnings into errors is set."""
    spec = find_spec("PyInstaller")
    assert spec
    assert spec.origin
    texts = [path.read_text("utf-8") for path in Path(spec.origin).parent.rglob("*.py")]
    known = {
        name for text in texts for name in re.findall(r"PYINSTALLER_(?:STRICT|VERIFY)\w+", text)
    }
    assert {*STRICT} == known
