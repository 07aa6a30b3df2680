"""Container engines: which one is found, how it is called, what it cannot do."""

import os
import sys
from pathlib import Path

import pytest

from frostline.core import cache
from frostline.core.errors import HostError, UsageError
from frostline.core.platforms import PLATFORMS, host
from frostline.core.workspace import Target, Workspace
from frostline.hosts import container, engine, image
from frostline.hosts.container import Container
from frostline.hosts.engine import Engine
from frostline.profile import policy
from frostline.profile.build import Build
from frostline.profile.policy import Policy
from frostline.profile.profile import Profile

ARM = PLATFORMS["linux_arm64"]
X86 = PLATFORMS["linux_x86_64"]
OTHER = ARM if host().machine == "x86_64" else X86
FOREIGN = {"arm64": "qemu-aarch64", "x86_64": "qemu-x86_64"}[OTHER.machine]
posix = pytest.mark.skipif(sys.platform == "win32", reason="uses shell scripts as programs")


def program(folder: Path, name: str, script: str) -> None:
    """Write a program into *folder*."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@posix
def test_the_one_that_answers(tmp_path: Path) -> None:
    """Podman before docker, docker if podman fails; the error has each engine's reason."""
    environ, log = {"PATH": str(tmp_path)}, tmp_path / "log"
    with pytest.raises(HostError, match="podman is not on PATH; docker is not on PATH") as caught:
        engine.find(environ, log)
    assert "install podman" in caught.value.hint
    program(tmp_path, "podman", "echo no right >&2; exit 125")
    program(tmp_path, "docker", "echo is the daemon running? >&2; exit 1")
    with pytest.raises(HostError, match=r"podman .*no right.*; docker .*is the daemon running"):
        engine.find(environ, log)
    program(tmp_path, "docker", "exit 0")
    assert engine.find(environ, log).name == "docker"
    with pytest.raises(HostError, match="no right"):
        engine.find(environ, log, "podman")
    program(tmp_path, "podman", "exit 0")
    assert engine.find(environ, log).name == "podman"
    assert engine.find(environ, log, "docker").name == "docker"
    (tmp_path / "podman").unlink()
    assert engine.find(environ, log).name == "docker"
    with pytest.raises(UsageError, match='unknown container engine "nerdctl"'):
        engine.find(environ, log, "nerdctl")


@pytest.mark.skipif(host().system != "linux", reason="other systems' engines emulate by themselves")
def test_executables_of_another_machine(tmp_path: Path) -> None:
    """The kernel needs an emulator that works in containers (flag F)."""
    engine.require_machine(host(), tmp_path)
    for text in ("", "disabled\nflags: F\n", "enabled\nflags: OC\n"):
        (tmp_path / FOREIGN).write_text(text, encoding="ascii")
        with pytest.raises(HostError, match="cannot run executables of") as caught:
            engine.require_machine(OTHER, tmp_path)
        assert "qemu-user-static" in caught.value.hint
    (tmp_path / FOREIGN).write_text("enabled\ninterpreter /x\nflags: POCF\n", encoding="ascii")
    engine.require_machine(OTHER, tmp_path)


def box(root: Path, name: str, environ: dict[str, str]) -> Container:
    """Return a container for a product in *root*."""
    found = Engine(name, name, environ, root / "log")
    profile = Profile(source="app", requirements="lock.txt", entry="echo:main")
    build = Build(
        workspace=Workspace(root), target=Target("echo", ARM), profile=profile,
        environ={cache.VARIABLE: str(root / "cache")},
    )  # fmt: skip
    return Container(build, found, "localhost/x:1", "python3.11")


def test_what_the_engine_is_called_with(tmp_path: Path) -> None:
    """Sources are read-only, the build folder and the cache are writable, no network by default."""
    environ = {"PIP_INDEX_URL": "https://me:secret@example.org", "PIP_CERT": "/etc/ca.pem"}
    made = box(tmp_path, "podman", environ)
    argv = container.arguments(made, "c", ["build", "--product", "echo"], network=False)
    assert argv[:2] == ["run", "--rm"]
    assert argv[argv.index("--network") + 1] == "none"
    assert argv[argv.index("--platform") + 1] == "linux/arm64"
    mounts = [argv[i + 1] for i, word in enumerate(argv) if word == "--mount"]
    writable = [mount for mount in mounts if not mount.endswith(",readonly")]
    assert writable == [
        f"type=bind,source={tmp_path / 'build'},target=/project/build",
        f"type=bind,source={tmp_path / 'cache'},target=/cache",
    ]
    assert "FROSTLINE_CACHE=/cache" in argv
    assert f"type=bind,source={tmp_path},target=/project,readonly" in mounts
    assert argv[-3:] == ["build", "--product", "echo"]
    assert "PIP_CERT" not in argv
    online = container.arguments(made, "c", ["prepare"], network=True)
    assert "--network" not in online
    assert {"PIP_INDEX_URL", "PIP_CERT"} < set(online)
    assert "secret" not in " ".join(online), "other users can read a command line"
    assert any("/etc/ca.pem" in word and "readonly" in word for word in online)


def test_whose_the_result_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker gets the user's ids; podman needs none, as its root is the user."""
    monkeypatch.setattr(os, "getuid", lambda: 1000, raising=False)
    monkeypatch.setattr(os, "getgid", lambda: 100, raising=False)
    options = {
        name: container.arguments(box(tmp_path, name, {}), "c", [], network=False)
        for name in engine.NAMES
    }
    assert options["docker"][options["docker"].index("--user") + 1] == "1000:100"
    assert "--user" not in options["podman"]


def rules() -> Policy:
    """Return frostline's own policy."""
    return policy.load(Workspace(Path("/nowhere")))


def test_images() -> None:
    """The name depends on recipe and platform; the setup script is one argument."""
    recipe = rules().image
    assert recipe.base.partition("@sha256:")[2]
    names = {
        image.name(platform, recipe, debian=debian)
        for platform in (ARM, X86)
        for debian in (False, True)
    }
    assert len(names) == 4
    changed = recipe.model_copy(update={"setup": "true"})
    assert image.name(ARM, changed, debian=False) not in names
    text = engine.containerfile("x@sha256:1", "echo 'a' && \\\n  b")
    assert text == 'FROM x@sha256:1\nRUN ["/bin/sh", "-euc", "echo \'a\' && \\\\\\n  b"]\n'


@posix
def test_an_image_that_cannot_be_had(tmp_path: Path) -> None:
    """Without a registry the error names --debian; without mmdebstrap it names that."""
    program(tmp_path, "podman", 'test "$1" = image -o "$1" = info && exit 1; echo no route; exit 9')
    found = Engine("podman", str(tmp_path / "podman"), {"PATH": str(tmp_path)}, tmp_path / "log")
    recipe = rules().image
    assert not image.find(found, host(), recipe)
    with pytest.raises(HostError, match=r"could not be made from docker\.io/") as caught:
        image.make(found, host(), recipe, debian=False)
    assert "--debian" in caught.value.hint
    assert caught.value.tail == ("no route",)
    with pytest.raises(HostError, match="mmdebstrap is not on PATH"):
        image.make(found, host(), recipe, debian=True)
