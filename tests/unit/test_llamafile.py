"""Which model server is started, and what it and the others are told."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from frostline_runtime import llamafile
from frostline_runtime.llamafile import ModelServerError
from frostline_runtime.manifest import ModelServer

SERVER = ModelServer(executable="{bundle}/llamafile", variable="MY_SERVER")


def executable(path: Path) -> Path:
    """Write an executable file and return its path."""
    path.write_text("", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_user_goes_first(tmp_path: Path) -> None:
    """The user's variable wins over the bundled file; set to nothing, it counts as not set."""
    bundled = executable(tmp_path / "llamafile")
    chosen = executable(tmp_path / "own")
    assert llamafile.locate(SERVER, {"MY_SERVER": str(chosen)}, tmp_path) == chosen
    assert llamafile.locate(SERVER, {"MY_SERVER": ""}, tmp_path) == bundled
    assert llamafile.locate(ModelServer(variable="MY_SERVER"), {}, tmp_path) is None


def test_a_server_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `~` that no shell has expanded still names the user's home folder."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    chosen = executable(tmp_path / "own")
    assert llamafile.locate(SERVER, {"MY_SERVER": "~/own"}, tmp_path / "bundle") == chosen


@pytest.mark.parametrize(
    ("environ", "origin", "name"),
    [({}, "the profile names", "llamafile"), ({"MY_SERVER": "{}/own"}, "MY_SERVER names", "own")],
)
@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_a_server_that_cannot_be_started(
    tmp_path: Path, kind: str, environ: dict[str, str], origin: str, name: str
) -> None:
    """It is told who named which file, and what is wrong with it, before anything is started."""
    if kind == "not executable" and os.name == "nt":
        pytest.skip("Windows knows no executable bit")
    path = tmp_path / name
    if kind == "folder":
        path.mkdir()
    elif kind == "not executable":
        path.write_text("", encoding="utf-8")
        path.chmod(0o644)
    expected = "not executable" if kind == "not executable" else "missing"
    message = f"^model server {expected}: {origin} {re.escape(str(path))}\\b"
    filled = {key: value.format(tmp_path) for key, value in environ.items()}
    with pytest.raises(ModelServerError, match=message):
        llamafile.locate(SERVER, filled, tmp_path)


@pytest.mark.parametrize(
    ("model", "environ", "expected"),
    [
        ("", {}, []),
        ("{bundle}/m.gguf", {}, ["-m", "B/m.gguf"]),
        ("{bundle}/m.gguf", {"MY_MODEL": ""}, ["-m", "B/m.gguf"]),
        ("{bundle}/m.gguf", {"MY_MODEL": "/own {bundle}"}, ["-m", "/own {bundle}"]),
    ],
)
def test_command_line(model: str, environ: dict[str, str], expected: list[str]) -> None:
    """The user's model is taken as it is, else the bundled one, else the one in the executable."""
    server = ModelServer(
        model=model, model_variable="MY_MODEL", context=7, gpu_layers=8, predict=9,
        arguments=("-c", "5"),
    )  # fmt: skip
    line = llamafile.arguments(server, environ, Path("B"), 80)
    head = ["--server", "--host", "127.0.0.1", "--port", "80"]
    own = ["-c", "7", "-ngl", "8", "-n", "9"]  # what the profile adds stands last: it wins
    assert list(line) == [*head, *expected, *own, "-c", "5"]


def test_variables_cannot_change_the_command_line() -> None:
    """A real child sees none of the user's LLAMA_* and AIP_* variables, and all the others."""
    removed = ("LLAMA_ARG_PORT", "LLAMA_", "AIP_HTTP_PORT", "AIP_MODE")
    kept = ("MY_LLAMA_X", "LLAMAFILE", "AIPX")
    given = dict(os.environ) | dict.fromkeys((*removed, *kept), "1")
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(*os.environ)"],
        env=llamafile.child_environment(given), check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert set(done.stdout.split()) & {*removed, *kept} == set(kept)


def test_others_are_told_the_address() -> None:
    """Each variable of the profile gets the loopback address, wherever it asks for it."""
    server = ModelServer(addresses={"A": "{url}/v1", "B": "x={url};y={url}", "C": "z"})
    url = "http://127.0.0.1:81"
    assert llamafile.addresses(server, 81) == {"A": f"{url}/v1", "B": f"x={url};y={url}", "C": "z"}
