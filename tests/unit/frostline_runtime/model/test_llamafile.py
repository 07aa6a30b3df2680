"""The model server: its files, its command line, its output (L3-L7)."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from frostline_runtime.artifact.locations import Locations, locate
from frostline_runtime.artifact.manifest import (
    Environment,
    Manifest,
    ModelServer,
    Resource,
    When,
)
from frostline_runtime.model import llamafile
from frostline_runtime.model.llamafile import ModelServerError, PreparedServer, ServerFiles

SERVER = ModelServer(
    executable="{bundle}/llamafile", variable="MY_SERVER", model_variable="MY_MODEL"
)
PREPARED = PreparedServer("/x/llamafile", "", (0, 10, 5), False, "/home", "/tmp", {})  # noqa: FBT003, S108


def manifest(server: ModelServer | None = SERVER, *resources: Resource) -> Manifest:
    """Return the manifest of a product with *server*."""
    return Manifest(
        product="p", name="p", version="1", layout="onedir", entry="p:main",
        environment=Environment(storage_variable="STORAGE", storage_default="~"),
        model_server=server, resources=resources,
    )  # fmt: skip


def executable(path: Path) -> Path:
    """Write an executable file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")
    path.chmod(0o755)
    return path


def choose(
    environ: Mapping[str, str], bundle: Path, server: ModelServer = SERVER
) -> ServerFiles | None:
    """Return the files that *environ* and *server* name, with a storage inside the bundle."""
    return llamafile.choose(manifest(server), environ, locations(bundle))


def locations(bundle: Path) -> Locations:
    """Return the folders of an artifact in *bundle* with a storage inside it."""
    return locate(manifest(), {"STORAGE": str(bundle / "s")}, bundle)


def test_the_user_wins(tmp_path: Path) -> None:
    """The user's variable wins over the bundled file; an empty one counts as not set."""
    bundled = executable(tmp_path / "llamafile")
    chosen = executable(tmp_path / "own")
    assert choose({"MY_SERVER": str(chosen)}, tmp_path) == ServerFiles(chosen, base=bundled)
    assert choose({"MY_SERVER": ""}, tmp_path) == ServerFiles(bundled)
    assert choose({}, tmp_path, ModelServer(variable="MY_SERVER")) is None


def test_the_model_of_the_user(tmp_path: Path) -> None:
    """The user's model wins over the profile's, which the user's own executable does not get."""
    bundled, chosen = executable(tmp_path / "llamafile"), executable(tmp_path / "own")
    own, theirs = tmp_path / "own.gguf", tmp_path / "m.gguf"
    own.touch()
    theirs.touch()
    server = replace(SERVER, model="{bundle}/m.gguf")
    assert choose({}, tmp_path, server) == ServerFiles(bundled, theirs)
    assert choose({"MY_MODEL": str(own)}, tmp_path, server) == ServerFiles(bundled, own)
    found = choose({"MY_SERVER": str(chosen)}, tmp_path, server)
    assert found == ServerFiles(chosen, base=bundled)


def test_a_server_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `~` in a variable is expanded."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    chosen = executable(tmp_path / "own")
    assert choose({"MY_SERVER": "~/own"}, tmp_path / "bundle") == ServerFiles(chosen)


@pytest.mark.parametrize(
    ("environ", "origin", "name"),
    [({}, "the profile names", "llamafile"), ({"MY_SERVER": "{}/own"}, "MY_SERVER names", "own")],
)
@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_a_server_that_cannot_be_started(
    tmp_path: Path, kind: str, environ: dict[str, str], origin: str, name: str
) -> None:
    """The message says who named which file and what is wrong with it."""
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
        choose(filled, tmp_path)


def test_a_missing_model(tmp_path: Path) -> None:
    """The message about a missing model says who named it."""
    executable(tmp_path / "llamafile")
    with pytest.raises(ModelServerError, match=r"^model missing: MY_MODEL names /no/model\.gguf"):
        choose({"MY_MODEL": "/no/model.gguf"}, tmp_path)


@pytest.mark.product("L2")
@pytest.mark.parametrize("when", ["first-run", "asked"])
def test_files_that_can_be_fetched(tmp_path: Path, when: When) -> None:
    """First-run files are part of the result; a file for `model pull` switches the server off."""
    model = Resource(name="m", urls=("http://x/m",), destination="models/m.gguf", when=when)
    server = replace(SERVER, model="{storage}/models/m.gguf")
    bundled = executable(tmp_path / "llamafile")
    found = llamafile.choose(manifest(server, model), {}, locations(tmp_path))
    place = tmp_path / "s" / "models" / "m.gguf"
    assert found == (ServerFiles(bundled, place, (model,)) if when == "first-run" else None)
    executable(place)
    assert llamafile.choose(manifest(server, model), {}, locations(tmp_path)) == ServerFiles(
        bundled, place
    )


@pytest.mark.product("L3")
@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("llamafile v0.8.6", (0, 8, 6)),
        ("llamafile v0.4.0 main\n", (0, 4, 0)),
        ("llamafile v0.10.5\nllama.cpp b10441", (0, 10, 5)),
        ("tinyllama v0.10.0 (llama.cpp via xllamacpp 0.2.9)", (0, 10, 0)),
        ("llamafile 0.11", (0, 11, 0)),
        ("version: 4567 (abc)", ()),
        ("", ()),
    ],
)
def test_versions(said: str, version: tuple[int, ...]) -> None:
    """The first dotted number in the first line is the version, if there is one."""
    assert llamafile.parse_version(said) == version


HEAD = ["/x/llamafile", "--server"]
ADDRESS = ["--host", "127.0.0.1", "--port", "80"]


@pytest.mark.product("L4")
@pytest.mark.parametrize("version", [(0, 8, 6), (0, 9, 3), (0, 10, 0), (0, 11, 2), ()])
def test_command_line_by_version(version: tuple[int, ...]) -> None:
    """Before 0.10 the server needs --nobrowser, later that is an error; unknown is new."""
    line = llamafile.command(replace(PREPARED, version=version), ModelServer(), 80)
    old = ["--nobrowser"] if version and version < (0, 10) else []
    assert line == [*HEAD, *old, *ADDRESS, "-c", "0", "-ngl", "0", "--gpu", "disable"]


@pytest.mark.product("L7")
def test_arguments_of_the_profile() -> None:
    """Further arguments come last, so that they win."""
    server = ModelServer(context=7, gpu_layers=8, predict=9, arguments=("-c", "5"))
    prepared = replace(PREPARED, model="m.gguf", shell=True)  # noqa: S604  # a field of that name
    line = llamafile.command(prepared, server, 80, "/k")
    own = ["-m", "m.gguf", "-c", "7", "-ngl", "8", "-n", "9", "--api-key-file", "/k"]
    assert line == ["/bin/sh", *HEAD, *ADDRESS, *own, "-c", "5"]


@pytest.mark.product("L4")
def test_a_command_line_in_the_profile() -> None:
    """A command line in the profile replaces the generated one."""
    server = ModelServer(command=("--v2", "-l", "127.0.0.1:{port}", "-m", "{model}"), context=5)
    line = llamafile.command(replace(PREPARED, model="m {port}"), server, 80)
    assert line == ["/x/llamafile", "--v2", "-l", "127.0.0.1:80", "-m", "m {port}"]


def test_variables_cannot_change_the_command_line() -> None:
    """A real child gets none of the user's LLAMA_* and AIP_* variables, and another HOME."""
    removed = ("LLAMA_ARG_PORT", "LLAMA_", "AIP_HTTP_PORT", "AIP_MODE", "HF_TOKEN")
    kept = ("MY_LLAMA_X", "LLAMAFILE", "AIPX")
    given = dict(os.environ) | dict.fromkeys((*removed, *kept), "1")
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(*os.environ, os.environ['HOME'])"],
        env=llamafile.child_environment(given, PREPARED), check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    assert set(done.stdout.split()) & {*removed, *kept} == set(kept)
    assert done.stdout.split()[-1] == "/home"


def test_addresses_for_other_services() -> None:
    """The variables of the profile are filled with address and key."""
    server = ModelServer(addresses={"A": "{url}/v1", "B": "x={url};y={url}", "C": "{key}"})
    url = "http://127.0.0.1:81"
    told = llamafile.addresses(server, 81, "secret")
    assert told == {"A": f"{url}/v1", "B": f"x={url};y={url}", "C": "secret"}
    assert llamafile.wants_key(server)
    assert not llamafile.wants_key(SERVER)


def test_recall(tmp_path: Path) -> None:
    """A saved result is used until a file or the choice of files changes."""
    server, model = executable(tmp_path / "server"), executable(tmp_path / "m.gguf")
    files = ServerFiles(server, model)
    seen = {str(path): llamafile.signature(path) for path in (server, model)}
    known = replace(PREPARED, executable=str(server), model=str(model), seen=seen)
    assert llamafile.recall(files, tmp_path) is None
    llamafile.remember(known, tmp_path)
    assert llamafile.recall(files, tmp_path) == known
    assert llamafile.recall(ServerFiles(server, tmp_path / "other"), tmp_path) is None
    model.write_text("longer", encoding="utf-8")
    assert llamafile.recall(files, tmp_path) is None
    for text in ("", "[]", "{}", '{"seen": 1}', '{"seen": {}, "unknown": 1, "version": []}'):
        (tmp_path / llamafile.FACTS).write_text(text, encoding="utf-8")
        assert llamafile.recall(files, tmp_path) is None


@pytest.mark.product("L6")
def test_another_port() -> None:
    """The port is read from the output; old versions report it nowhere else."""
    line = "llama server listening at http://127.0.0.1:8081"
    assert llamafile.listens_elsewhere(line, 8080)
    assert not llamafile.listens_elsewhere(line, 8081)
    assert llamafile.listens_elsewhere("main: server is listening on http://[::1]:80/", 8080)
    assert not llamafile.listens_elsewhere("listening", 8080)


@pytest.mark.parametrize(
    ("system", "line", "expected"),
    [
        ("linux", "run-detectors: unable to find an interpreter", "another program"),
        ("linux", "./.ape-1.10: Permission denied", "files may be executed"),
        ("darwin", "xcrun: error: invalid active developer path", "xcode-select --install"),
        ("darwin", "fatal error: the cpu feature AVX was required", "lacks AVX"),
        ("darwin", "sandbox initialization failed", "--unsecure"),
        ("windows", "x.exe is not a valid Win32 application", "over 4 GB"),
        ("windows", "operation did not complete because the file contains a virus", "scanner"),
        ("windows", "run-detectors: unable to find an interpreter", ""),
        ("linux", "error: invalid argument: --nobrowser", "one of the arguments"),
        ("linux", "tensor 'x' data is not within the file bounds", "damaged or incomplete"),
        ("linux", "couldn't bind HTTP server socket", "its port is taken"),
        ("linux", "all is well", ""),
    ],
)
def test_hints(system: str, line: str, expected: str) -> None:
    """Known errors in the output get an explanation, by system."""
    found = llamafile.hint(["first line", line], system)
    assert expected in found
    assert bool(found) == bool(expected)


def test_progress_lines() -> None:
    """Progress lines of the preparation are understood, other lines are not."""
    assert llamafile.progress("model: 5 of 10 bytes (50 %)") == ("model", 0.5)
    assert llamafile.progress("model: 5 of ? bytes") == ("model", None)
    assert llamafile.progress("model: it answered 503; again in 1 s") is None
