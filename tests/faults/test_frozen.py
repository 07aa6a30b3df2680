"""Rows A with frozen artifacts, onedir and onefile, and with real desktop shells (X6)."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

assert sys.platform == "linux"  # faults can be injected there only

import psutil
import pytest
from harness import AT_ONCE, TAG, Artifact, orphans, tagged
from samples import Samples

from frostline.core import platforms
from frostline.launch.instance import ask

PRODUCT = Path(__file__).resolve().parents[1] / "products" / "echo"
HOST = platforms.host().name
GONE = 6.0

Start = Callable[..., Artifact]


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sample product, frozen in both layouts."""
    folder = tmp_path_factory.mktemp("frozen") / "project"
    return samples.copy(folder, "echo", "echo-onefile")


def bundle(project: Path, layout: str) -> Path:
    """Return the folder of the frozen product."""
    suffix = "-onefile" if layout == "onefile" else ""
    return project / "build" / "output" / f"echo-{HOST}{suffix}"


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Return the folder where a onefile artifact unpacks itself."""
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@pytest.fixture
def start(project: Path, tmp_path: Path, temporary: Path, tag: str) -> Iterator[Start]:
    """Return a function that starts the artifact in a layout, perhaps by a shell.

    Only the artifact carries *tag*. The shell and what its toolkit starts, such as a session bus,
    carry another one: they are no processes of the artifact, but end with the test.
    """
    started: list[Artifact] = []
    desktop = f"{tag}-desktop"

    def run(
        layout: str, shell: tuple[str, ...] = (), executable: Path | None = None,
        home: Path = tmp_path, **popen: object,
    ) -> Artifact:  # fmt: skip
        executable = executable or bundle(project, layout) / "echo"
        env = {
            "HOME": str(home),
            "TMPDIR": str(temporary),
            TAG: desktop if shell else tag,
            "PATH": os.environ["PATH"],
        }
        by_shell = (*shell, "/usr/bin/env", f"{TAG}={tag}") if shell else ()
        artifact = Artifact([*by_shell, str(executable)], env, home, **popen)
        started.append(artifact)
        return artifact

    yield run
    for artifact in started:
        if artifact.process.poll() is None:
            artifact.process.terminate()
            artifact.process.wait(15)
        artifact.close()
    for helper in orphans(desktop, timeout=AT_ONCE):
        with suppress(psutil.NoSuchProcess):
            helper.kill()
    assert orphans(tag, timeout=AT_ONCE) == []


SHELL = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE,
                         env={**os.environ, "FROSTLINE_SHELL_PID": str(os.getpid())})
child.wait()
"""


@pytest.mark.product("X1")
@pytest.mark.parametrize("layout", ["onedir", "onefile"])
def test_shell_is_killed(start: Start, tag: str, layout: str) -> None:
    """A1: no process of the artifact outlives its shell."""
    artifact = start(layout, (sys.executable, "-S", "-c", SHELL))
    artifact.wait_for("ready")
    artifact.process.kill()
    assert orphans(tag, timeout=GONE) == []


def family(artifact: Artifact) -> dict[str, int]:
    """Return the processes above the services, by role."""
    supervisor = psutil.Process(artifact.supervisor)
    guardian = supervisor.parent()
    assert guardian
    return {
        "top": artifact.process.pid,
        "guardian": guardian.pid,
        "supervisor": supervisor.pid,
    }


@pytest.mark.parametrize("layout", ["onedir", "onefile"])
@pytest.mark.parametrize("victim", ["top", "guardian", "supervisor"])
def test_a_part_of_the_artifact_is_killed(start: Start, tag: str, layout: str, victim: str) -> None:
    """A2, A3: without bootloader, guardian or supervisor no service goes on."""
    artifact = start(layout)
    artifact.wait_for("ready")
    os.kill(family(artifact)[victim], signal.SIGKILL)
    assert orphans(tag, timeout=AT_ONCE if victim == "supervisor" else GONE) == []


def test_the_unpacked_folder_of_a_killed_bootloader(
    start: Start, tag: str, temporary: Path
) -> None:
    """A2: the next start removes the folder that a killed bootloader has unpacked."""
    first = start("onefile")
    first.wait_for("ready")
    members = family(first)
    for name in ("top", "guardian", "supervisor"):
        os.kill(members[name], signal.SIGKILL)
    assert orphans(tag, timeout=GONE) == []
    (left,) = temporary.glob("_MEI*")
    second = start("onefile")
    second.wait_for("ready")
    assert not left.exists()
    assert second.stop() == 0
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("layout", ["onedir", "onefile"])
def test_children_of_multiprocessing(start: Start, layout: str) -> None:
    """D7: spawned children run this executable, but do not start a second artifact."""
    artifact = start(layout)
    url = artifact.wait_for("ready")["services"]["api"]["url"]
    assert ask("GET", f"{url}/spawn")[0] == 200
    assert artifact.health()["services"]["api"]["restarts"] == 0
    assert artifact.stop() == 0


def test_an_update_in_place(start: Start, project: Path, tmp_path: Path, tag: str) -> None:
    """H: a running version can be moved away, replaced, and stopped by the new one."""
    install, old = tmp_path / "install", tmp_path / "old"
    shutil.copytree(bundle(project, "onedir"), install, symlinks=True)
    first = start("onedir", executable=install / "echo")
    first.wait_for("ready")
    for process in tagged(tag):
        assert not Path(process.cwd()).is_relative_to(install)
    install.rename(old)
    shutil.copytree(bundle(project, "onedir"), install, symlinks=True)
    stop = [str(install / "echo"), "stop"]
    done = subprocess.run(stop, env=first.env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert first.wait(10) == 0
    shutil.rmtree(old)
    second = start("onedir", executable=install / "echo")
    second.wait_for("ready")
    assert second.stop() == 0


def test_two_installations_side_by_side(start: Start, project: Path, tmp_path: Path) -> None:
    """H: stopping or killing one of them does not affect the other."""
    homes = [tmp_path / name for name in ("one", "two", "three")]
    artifacts = []
    for home in homes:
        home.mkdir()
        shutil.copytree(bundle(project, "onedir"), home / "install", symlinks=True)
        artifacts.append(start("onedir", executable=home / "install" / "echo", home=home))
        artifacts[-1].wait_for("ready")
    pids = [artifact.pid("api") for artifact in artifacts]
    assert artifacts[0].stop() == 0
    artifacts[1].process.kill()
    artifacts[1].wait()
    report = artifacts[2].health()["services"]["api"]
    assert (report["state"], report["pid"]) == ("READY", pids[2])


NODE = """
const { spawn } = require("node:child_process");
const [, chromium, profile, ...command] = process.argv;
const artifact = spawn(command[0], command.slice(1), {
  stdio: ["pipe", "pipe", "inherit"],
  env: { ...process.env, FROSTLINE_SHELL_PID: String(process.pid) },
});
artifact.stdout.on("data", (data) => {
  process.stdout.write(data);
  const ready = String(data).split("\\n").find((line) => line.includes('"event": "ready"'));
  if (!ready) return;
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
  const browser = spawn(chromium, [...flags, "--enable-logging=stderr", "--dump-dom",
    "--virtual-time-budget=3000", JSON.parse(ready).status_url],
    { env: { ...process.env, TMPDIR: undefined } });  // for a socket, whose path must be short
  browser.stdout.on("data", (page) => process.stderr.write(page));
  browser.on("close", () => process.stdout.write('{"event": "page shown"}\\n'));
});
"""


@pytest.mark.parametrize("layout", ["onedir", "onefile"])
def test_a_node_shell(start: Start, tag: str, tmp_path: Path, layout: str) -> None:
    """A Node process shows the artifact's page in Chromium and is killed: the artifact ends."""
    node, chromium = shutil.which("node"), shutil.which("chromium")
    if not (node and chromium):
        pytest.skip("needs Node and Chromium")
    artifact = start(layout, (node, "-e", NODE, chromium, str(tmp_path / "profile")))
    artifact.wait_for("page shown", 60)
    assert 'data-service="api"' in artifact.stderr()
    artifact.process.kill()
    assert orphans(tag, timeout=GONE) == []


WEBKIT = """
import json, os, subprocess, sys, threading
import gi
gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2

artifact = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    env={**os.environ, "FROSTLINE_SHELL_PID": str(os.getpid())},
)
window, view = Gtk.Window(), WebKit2.WebView()
window.add(view)
window.show_all()

def read():
    for line in artifact.stdout:
        print(line, end="", flush=True)
        facts = json.loads(line)
        if facts["event"] == "ready":
            GLib.idle_add(view.load_uri, facts["status_url"])
            GLib.timeout_add(200, look)

def look():
    view.run_javascript("document.title = document.body.innerText.includes('api')", None, None)
    if view.get_title() == "true":
        print('{"event": "page shown"}', flush=True)
        return False
    return True

threading.Thread(target=read, daemon=True).start()
Gtk.main()
"""


@pytest.fixture
def display() -> Iterator[str]:
    """Return the name of a virtual display."""
    xvfb = shutil.which("Xvfb")
    if not xvfb:
        pytest.skip("needs Xvfb")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        [xvfb, "-displayfd", str(writer)], pass_fds=(writer,), stderr=subprocess.DEVNULL
    )
    os.close(writer)
    with os.fdopen(reader, encoding="ascii") as pipe:
        yield f":{pipe.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.mark.parametrize("layout", ["onedir", "onefile"])
def test_a_webkit_shell(start: Start, tag: str, display: str, layout: str) -> None:
    """A1: the artifact ends with its shell that is WebKitGTK, the engine of Tauri on Linux."""
    python = "/usr/bin/python3"
    known = subprocess.run(
        [python, "-c", 'import gi; gi.require_version("WebKit2", "4.1")'],
        check=False, capture_output=True,
    )  # fmt: skip
    if known.returncode:
        pytest.skip("needs Debian's python3-gi and gir1.2-webkit2-4.1")
    artifact = start(layout, ("/usr/bin/env", f"DISPLAY={display}", python, "-c", WEBKIT))
    artifact.wait_for("page shown", 60)
    artifact.process.kill()
    assert orphans(tag, timeout=GONE) == []
