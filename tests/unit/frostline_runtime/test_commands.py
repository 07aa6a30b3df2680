"""The command line of an artifact, in real processes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import frostline_runtime
from frostline_runtime.artifact import guardian, manifest, runfile
from frostline_runtime.artifact.manifest import Environment, Manifest, Service

SOURCE = str(Path(frostline_runtime.__file__).parents[1])
DRIVER = """
import sys, time
from pathlib import Path
from frostline_runtime import commands
from frostline_runtime.artifact import manifest
bundle = Path(sys.argv[1])
sys.exit(commands.main(manifest.load(bundle), bundle, sys.argv[2:], time.monotonic()))
"""
PRODUCT = """
import sys
def main():
    return 5
def other():
    return 6
def tool():
    print(sys.argv)
    return 7
"""
VALUE = Manifest(
    product="prod", name="prod", version="1", layout="onedir", entry="product:main",
    environment=Environment(storage_variable="STORAGE", storage_default="~"),
    services=(
        Service(name="api"),
        Service(name="other", entry="product:other"),
        Service(name="db", kind="command", command=(sys.executable,)),
    ),
    console_scripts=("tool",),
    modules=("json",),
)  # fmt: skip


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a bundle with a product and its console script."""
    files = {
        manifest.FILE_NAME: manifest.dump(VALUE),
        "product.py": PRODUCT,
        "product-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: product\nVersion: 1\n",
        "product-1.dist-info/entry_points.txt": (
            "[console_scripts]\ntool = product:tool\nhidden = product:tool\n"
        ),
    }
    for name, text in files.items():
        path = tmp_path / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "bundle"


def call(bundle: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    """Run the artifact with *argv* to its end."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((SOURCE, str(bundle))),
        "FROSTLINE_BUNDLE": str(bundle),
        "STORAGE": str(bundle.parent / "storage"),
        guardian.INSTANCE: "0",
    }
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(bundle), *argv],
        env=environ, check=False, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--port 0", "'0' is no port"),
        ("--port 65536", "'65536' is no port"),
        ("--port=-1", "'-1' is no port"),
        ("--port http", "'http' is no port"),
        ("--por=80", "unrecognized arguments"),
        ("service nobody", "there is no service 'nobody'; there is api, other."),
        ("service db", "there is no service 'db'"),
        ("run", "scripts: tool"),
        ("run --help", "scripts: tool"),
        ("run hidden", "there is no script 'hidden'; scripts: tool."),
    ],
)
def test_wrong_usage(bundle: Path, line: str, message: str) -> None:
    """Wrong usage is exit code 2 with the reason on standard error; nothing is started."""
    done = call(bundle, *line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (bundle.parent / "storage").exists()


@pytest.mark.parametrize(
    ("line", "code", "output"),
    [
        ("service api", 5, ""),
        ("service other", 6, ""),
        ("run tool --port x --help", 7, "['tool', '--port', 'x', '--help']\n"),
    ],
)
def test_code_of_the_product(bundle: Path, line: str, code: int, output: str) -> None:
    """A service or script gives its exit code; arguments of a script are not parsed."""
    done = call(bundle, *line.split())
    assert (done.returncode, done.stdout, done.stderr) == (code, output, "")


@pytest.mark.parametrize(("module", "code"), [("json", 0), ("no_such_module", 3)])
def test_selftest(bundle: Path, module: str, code: int) -> None:
    """The exit code, the JSON report and the text for people agree."""
    text = manifest.dump(VALUE).replace('"json"', f'"{module}"')
    (bundle / manifest.FILE_NAME).write_text(text, encoding="utf-8")
    machine, human = call(bundle, "selftest", "--json"), call(bundle, "selftest")
    assert (machine.returncode, human.returncode) == (code, code)
    report = json.loads(machine.stdout)
    assert report["ok"] is (code == 0)
    assert report["checked"]["module"] == 1
    assert [finding["subject"] for finding in report["findings"]] == ([module] if code else [])
    assert human.stdout.splitlines()[-1] == ("1 findings" if code else "ok")
    assert (f"FAILED module: {module}: " in human.stdout) is bool(code)


def test_a_second_instance(bundle: Path) -> None:
    """A second instance ends with 75 and tells where the first one is."""
    place = bundle.parent / "storage" / "frostline"
    held = runfile.take(place)
    assert held is not None
    try:
        url = "http://127.0.0.1:9"
        runfile.write(place / "instance.json", {"pid": 4711, "base_url": url})
        done = call(bundle)
    finally:
        os.close(held)
    assert done.returncode == 75
    event = {"frostline": 1, "event": "already_running", "seq": 0, "pid": 4711, "base_url": url}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [event]
    assert f"is running already (pid 4711, {url})" in done.stderr


def test_a_storage_that_cannot_be_used(bundle: Path) -> None:
    """An unusable storage is exit code 76 and one line that names the folder."""
    (bundle.parent / "storage").touch()
    done = call(bundle)
    assert (done.returncode, done.stdout) == (76, "")
    assert done.stderr.startswith(f"prod: {bundle.parent / 'storage' / 'frostline'} cannot be used")
    assert len(done.stderr.splitlines()) == 1


def test_a_control_port_that_is_taken(bundle: Path) -> None:
    """A port that the user has chosen is not replaced: it ends with 76."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        done = call(bundle, "--port", str(port))
    assert (done.returncode, done.stdout) == (76, "")
    assert done.stderr.startswith(f"prod: control port {port} is taken by ")
