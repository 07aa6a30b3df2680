"""Exports for desktop shells: layout, configuration, and the shells' modules."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema.validators import validator_for
from npm import npm_file
from processes import alive
from verbs import run

from frostline.core import platforms

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
HOST = platforms.host()
NAME = f"frail-{HOST.name}"
SCHEMAS = {
    "electron": ("app-builder-lib@26.17.0", "package/scheme.json"),
    "tauri": ("@tauri-apps/cli@2.12.5", "package/config.schema.json"),
}
# Starts the artifact, prints its events, then does what its argument says.
MAIN = """
import { Sidecar } from "./sidecar.mjs";
const sidecar = new Sidecar(process.argv[2], { env: { HOME: process.argv[3] } });
const say = (word, value) => console.log(JSON.stringify([word, value]));
sidecar.on("restarting", (attempt) => say("restarting", attempt));
sidecar.on("failed", (error) => say("failed", error.message));
sidecar.on("ready", (event) => say("ready", event.pid));
try {
  const ready = await sidecar.start();
  const answer = await fetch(`${ready.services.api.url}/help`);
  say("answer", await answer.text());
} catch (error) {
  say("error", error.message);
  process.exit(3);
}
process.stdin.on("data", async (data) => {
  if (`${data}`.includes("kill")) process.kill(sidecar.ready.pid, "SIGKILL");
  if (!`${data}`.includes("stop")) return;
  await sidecar.stop();
  say("stopped", sidecar.pid);
  process.exit(0);
});
"""
RUST = """
mod sidecar;
use std::{path::Path, time::Duration};
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut running = sidecar::Sidecar::start(Path::new(&path), &[]).unwrap();
    let ready = running.wait_ready(Duration::from_secs(30));
    println!("{}", ready.clone().unwrap_or_else(|error| format!("error: {error}")));
    println!("pid {}", running.pid());
    if std::env::args().nth(2).is_some() { loop { std::thread::park(); } }
    running.stop(Duration::from_secs(15)).unwrap();
    println!("stopped");
}
"""


@pytest.fixture(scope="module")
def project(frail: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of a frozen product."""
    ignored = shutil.ignore_patterns("work")
    folder = tmp_path_factory.mktemp("shells") / "p"
    return Path(shutil.copytree(frail, folder, symlinks=True, ignore=ignored))


def export(project: Path, shell: str, *more: str) -> tuple[Path, Path]:
    """Return the folder of an export, and its executable."""
    done = run(project, "export", "--shell", shell, "--product", "frail", "--json", *more)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    return Path(made["folder"]), Path(made["folder"], made["executable"])


def official(shell: str, folder: Path) -> dict[str, object]:
    """Return the shell's official JSON Schema of its configuration."""
    schema: dict[str, object] = json.loads(npm_file(*SCHEMAS[shell], folder))
    return schema


@pytest.fixture
def shell(project: Path, tmp_path: Path) -> subprocess.Popen[str]:
    """Run the artifact with the module for Electron in plain Node."""
    node = shutil.which("node")
    if not node:
        pytest.skip("needs Node")
    folder, executable = export(project, "electron")
    (folder / "main.mjs").write_text(MAIN, encoding="utf-8")
    argv = [node, "main.mjs", str(executable), str(tmp_path)]
    return subprocess.Popen(
        argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(shell: subprocess.Popen[str], word: str) -> object:
    """Return the shell's next line that begins with *word*."""
    assert shell.stdout
    for line in shell.stdout:
        found, value = json.loads(line)
        if found == word:
            return value
    pytest.fail(f"the shell never said {word}")


def tell(shell: subprocess.Popen[str], word: str) -> None:
    """Send the shell a line."""
    assert shell.stdin
    shell.stdin.write(f"{word}\n")
    shell.stdin.flush()


def test_electron_starts_watches_and_stops_it(shell: subprocess.Popen[str]) -> None:
    """The module starts, restarts and cleanly stops the artifact."""
    with shell:
        first = said(shell, "ready")
        assert said(shell, "answer") == "how to use it\n"
        tell(shell, "kill")
        assert said(shell, "restarting") == 1
        second = said(shell, "ready")
        assert second != first
        tell(shell, "stop")
        said(shell, "stopped")
        assert shell.wait(20) == 0
    assert isinstance(second, int)
    assert alive([second], timeout=10) == []


def test_electron_is_killed(shell: subprocess.Popen[str]) -> None:
    """`kill -9` of the shell leaves no process."""
    with shell:
        pid = said(shell, "ready")
        said(shell, "answer")
        shell.kill()
        assert shell.wait(10) == -9
    assert isinstance(pid, int)
    assert alive([pid], timeout=10) == []


def test_electron_is_told_why_it_cannot_start(project: Path, tmp_path: Path) -> None:
    """The application gets a reason and does not crash."""
    node = shutil.which("node")
    if not node:
        pytest.skip("needs Node")
    folder, executable = export(project, "electron")
    (folder / "main.mjs").write_text(MAIN, encoding="utf-8")
    for path, words in ((executable.with_name("none"), "ENOENT"), (Path("/bin/false"), "code 1")):
        argv = [node, "main.mjs", str(path), str(tmp_path)]
        done = subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True)
        assert done.returncode == 3, done.stderr
        assert words in done.stdout


def test_electron_fragment(project: Path, tmp_path: Path) -> None:
    """The fragment matches electron-builder's schema; modes and links are kept."""
    folder, executable = export(project, "electron")
    config = json.loads((folder / "electron-builder.json").read_text("utf-8"))
    schema = official("electron", tmp_path)
    validator_for(schema)(schema).validate(config)
    assert os.access(executable, os.X_OK)
    assert config["extraResources"] == [{"from": "resources/frail", "to": "frail"}]


def test_tauri_fragments(project: Path, tmp_path: Path) -> None:
    """Both layouts match Tauri's schema; one file has the triple in its name; no links."""
    schema = official("tauri", tmp_path)
    folder, executable = export(project, "tauri")
    config = json.loads((folder / "tauri.frail.conf.json").read_text("utf-8"))
    validator_for(schema)(schema).validate({"identifier": "org.example.frail", **config})
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert os.access(executable, os.X_OK)
    assert (
        run(
            project, "build", "--freeze-only", "--product", "frail", "--layout", "onefile"
        ).returncode
        == 0
    )
    folder, executable = export(project, "tauri", "--layout", "onefile")
    assert executable.name == f"frail-{HOST.triple}{HOST.suffix}"
    config = json.loads((folder / "tauri.frail.conf.json").read_text("utf-8"))
    validator_for(schema)(schema).validate({"identifier": "org.example.frail", **config})
    assert config["bundle"]["externalBin"] == ["binaries/frail"]
    refused = run(project, "export", "--product", "frail", "--layout", "onefile")
    assert refused.returncode == 2
    assert "an Electron application needs the onedir layout" in refused.stderr


def compiler() -> str:
    """Return the Rust compiler of PATH or of rustup; skip the test if there is none that works."""
    path = os.pathsep.join((os.environ.get("PATH", ""), str(Path("~/.cargo/bin").expanduser())))
    rustc = shutil.which("rustc", path=path)
    if not rustc:
        pytest.skip("needs rustc on PATH or in ~/.cargo/bin")
    if not shutil.which("cc"):
        pytest.skip("needs cc, with which rustc links")
    argv, env = [rustc, "--version"], rust_environment(rustc)
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{rustc} does not work: {done.stderr.strip()[:200]}")
    return rustc


def rust_environment(rustc: str) -> dict[str, str]:
    """Return the variables for *rustc*; rustup's finds its toolchain also with another HOME."""
    beside = Path(rustc).parent.parent.parent / ".rustup"
    return ({"RUSTUP_HOME": str(beside)} if beside.is_dir() else {}) | os.environ


def test_the_module_for_tauri(project: Path, tmp_path: Path) -> None:
    """The module compiles, runs and stops the artifact; killing it leaves nothing."""
    rustc = compiler()
    folder, executable = export(project, "tauri")
    shutil.copy(folder / "sidecar.rs", tmp_path)
    (tmp_path / "main.rs").write_text(RUST, encoding="utf-8")
    argv = [rustc, "--edition=2021", "-A", "dead_code", "main.rs", "-o", "main"]
    subprocess.run(argv, cwd=tmp_path, check=True, env=rust_environment(rustc))
    env = {"HOME": str(tmp_path)}
    argv = [str(tmp_path / "main"), str(executable)]
    done = subprocess.run(argv, env=env, check=True, capture_output=True, text=True)
    ready, pid, stopped = done.stdout.splitlines()
    assert json.loads(ready)["services"]["api"]["url"].startswith("http://127.0.0.1:")
    assert stopped == "stopped"
    assert alive([int(pid.split()[1])], timeout=10) == []
    with subprocess.Popen([*argv, "wait"], env=env, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        ready, pid = shell.stdout.readline(), shell.stdout.readline()
        shell.kill()
    assert alive([int(pid.split()[1])], timeout=10) == []
    assert alive([int(json.loads(ready)["pid"])], timeout=10) == []
