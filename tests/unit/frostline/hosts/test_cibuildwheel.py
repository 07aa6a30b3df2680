"""Native wheels that were made: which are refused."""

import sys
import zipfile
from pathlib import Path

import pytest

from frostline.core.errors import BuildError
from frostline.core.platforms import PLATFORMS, host
from frostline.hosts import cibuildwheel as wheels
from frostline.profile.profile import NativeWheel
from frostline.source.wheelhouse import WheelRequest


def packed(folder: Path, name: str, data: bytes) -> Path:
    """Return a wheel that contains a library."""
    file = folder / f"{name}-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(f"{name}.so", data)
    return file


@pytest.mark.skipif(host().system != "linux", reason="reads an ELF library of this system")
def test_examined(tmp_path: Path) -> None:
    """A wheel for another machine or package is refused; too new a glibc is a warning."""
    data = Path(sys.executable).resolve().read_bytes()
    other = "linux_arm64" if host().machine == "x86_64" else "linux_x86_64"
    table = NativeWheel(name="a")
    mine = WheelRequest("a", "1.0", host(), "311", "", table, "key")
    foreign = WheelRequest("a", "1.0", PLATFORMS[other], "311", "", table, "key")
    file = packed(tmp_path, "a", data)
    assert any("was not repaired" in told for told in wheels.examine(file, mine))
    with pytest.raises(BuildError, match=r"a\.so is for"):
        wheels.examine(file, foreign)
    with pytest.raises(BuildError, match="is not a wheel of a"):
        wheels.examine(packed(tmp_path, "b", data), mine)
