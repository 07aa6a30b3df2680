"""Isolation of a process from the network and from writing."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from frostline.core.platforms import PLATFORMS
from frostline.smoke import isolation

# Runs in a separate process, as isolation cannot be undone.
CUT_OFF = """
import json, socket, sys
from pathlib import Path
from frostline.smoke import isolation
folder, place, offline = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "offline"
try:
    isolation.enter(offline=offline, read_only={place: folder})
except isolation.NotPossibleError as error:
    print(json.dumps({"not possible": str(error)}))
    sys.exit()
found = {"seen": (place / "file").read_text()}
for name, path in (("place", place), ("folder", folder)):
    try:
        (path / "new").write_text("x")
        found[name] = "written"
    except OSError as error:
        found[name] = error.strerror
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname(), timeout=5):
        found["own"] = "reached"
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[4])), timeout=5).close()
    found["outside"] = "reached"
except OSError as error:
    found["outside"] = error.strerror
print(json.dumps(found))
"""


def cut_off(tmp_path: Path, word: str) -> dict[str, str]:
    """Return what an isolated process sees."""
    folder, place = tmp_path / "folder ø", tmp_path / "place"
    for path in (folder, place):
        path.mkdir()
    (folder / "file").write_text("content", encoding="utf-8")
    tmp_path.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        argv = [sys.executable, "-c", CUT_OFF, str(folder), str(place), word, port]
        said = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, str] = json.loads(said)
    if "not possible" in found:
        pytest.skip(f"namespaces: {found['not possible']}")
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux namespaces")
def test_no_network_and_read_only(tmp_path: Path) -> None:
    """Only the process's own loopback works, and folders are read-only."""
    assert cut_off(tmp_path, "offline") == {
        "seen": "content", "place": "Read-only file system", "folder": "written",
        "own": "reached", "outside": "Connection refused",
    }  # fmt: skip
    assert not (tmp_path / "place" / "file").exists()  # seen by that process only


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux namespaces")
def test_read_only_alone(tmp_path: Path) -> None:
    """A product that needs the network keeps it."""
    found = cut_off(tmp_path, "online")
    assert found["outside"] == "reached"
    assert found["place"] == "Read-only file system"


def test_where_it_cannot_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems raise NotPossibleError and change nothing."""
    monkeypatch.setattr(isolation, "host", lambda: PLATFORMS["darwin_arm64"])
    with pytest.raises(isolation.NotPossibleError, match="darwin has no namespaces"):
        isolation.enter(offline=True, read_only={})
