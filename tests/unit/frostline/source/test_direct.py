"""What is in no index, as lines of a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from frostline.source import direct, requirements_file
from frostline.source.pins import Direct

_HASH = (f"sha256:{'a' * 64}",)


@pytest.mark.parametrize(
    "item",
    [
        Direct("a-lib", "folder", "a lib"),
        Direct("lib", "folder", "libs/lib", (), 'os_name == "nt"'),
        Direct("own", "file", "own-1-py3-none-any.whl", _HASH),
        Direct("fork", "git", "https://host.example/fork.git@12ab", (), 'os_name == "nt"'),
        Direct("zip", "address", "https://host.example/zip-1.zip", _HASH, 'os_name == "nt"'),
    ],
)
def test_written_and_read(item: Direct, tmp_path: Path) -> None:
    """What is written into frostline.lock is read again, with its marker and hashes."""
    if item.kind == "folder":
        (tmp_path / item.place).mkdir(parents=True)
    elif item.kind == "file":
        (tmp_path / item.place).touch()
    if item.kind in {"folder", "file"}:
        item = replace(item, place=str(tmp_path / item.place))
    file = tmp_path / "lock.txt"
    file.write_text(direct.line(item, tmp_path), encoding="utf-8")
    assert requirements_file.read(file, tmp_path).direct == (item,)
