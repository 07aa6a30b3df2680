"""Runs artifacts on an old system, Debian bullseye with glibc 2.31, as the audit predicts.

mmdebstrap makes it from Debian's archive; chroot needs root on Linux.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frostline.core import native, platforms
from frostline.core.workspace import Workspace
from frostline.freeze import contents
from frostline.freeze.bundle import require_bundle
from frostline.infer.opening import open_build

pytestmark = [
    pytest.mark.slow("src/frostline/audit", "src/frostline/core/native.py", "src/frostline/freeze"),
    pytest.mark.skipif(
        sys.platform == "win32" or os.geteuid() != 0 or not shutil.which("mmdebstrap"),
        reason="needs root and mmdebstrap",
    ),
]
OLD = (2, 31)
INSIDE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def userland(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the oldest Debian whose Python PyInstaller supports."""
    folder = tmp_path_factory.mktemp("userland") / "bullseye"
    packages = "--include=python3,libpython3.9,binutils,python3-pip"
    argv = ["mmdebstrap", "--quiet", "--variant=minbase", packages, "bullseye", str(folder)]
    subprocess.run(argv, check=True)
    return folder


def enter(userland: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run *argv* in the userland."""
    command = ["chroot", str(userland), *argv]
    return subprocess.run(command, env=INSIDE, check=False, capture_output=True, text=True)


def oldest_glibc(bundle: Path) -> tuple[int, ...]:
    """Return the glibc that the audit names for *bundle*."""
    newest: tuple[int, ...] = ()
    for item in contents.walk(bundle):
        data = b"" if item.link else item.read()
        parsed = native.parse(data) if native.recognised(data[:4]) else None
        newest = max(newest, parsed.glibc if parsed else ())
    return newest


def test_predicted_to_fail(userland: Path, frail: Path) -> None:
    """Frozen on this newer machine, it fails there for the glibc that the audit names."""
    build = open_build(Workspace(frail), "frailtool", platforms.host(), {})
    require_bundle(build)
    bundle = build.bundle
    newest = oldest_glibc(bundle)
    if newest <= OLD:
        pytest.skip(f"this machine's glibc is as old: {newest}")
    shutil.copytree(bundle, userland / "opt" / "newer", symlinks=True)
    done = enter(userland, "/opt/newer/frailtool")
    assert done.returncode != 0
    assert "GLIBC_2." in done.stderr
    assert "not found" in done.stderr


def test_predicted_to_run(userland: Path, tmp_path: Path) -> None:
    """Frozen on the old system, it runs there and here, as the audit says."""
    wheels = userland / "opt" / "wheels"
    argv = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", str(wheels)]
    # pip evaluates markers for its own Python, so importlib-metadata is named here.
    argv += [
        "--python-version=3.9",
        "--implementation=cp",
        "pyinstaller>=6.22.3",
        "importlib-metadata>=4.6",
    ]
    subprocess.run(argv, check=True)
    (userland / "opt" / "hello.py").write_text("import ssl, sqlite3; print('it runs')", "utf-8")
    install = ["pip3", "install", "-q", "--no-index", "--find-links=/opt/wheels", "pyinstaller"]
    done = enter(userland, *install)
    assert done.returncode == 0, done.stderr
    freeze = ["python3", "-m", "PyInstaller", "--noconfirm", "--distpath=/opt/dist"]
    done = enter(userland, *freeze, "--workpath=/opt/w", "--specpath=/opt", "/opt/hello.py")
    assert done.returncode == 0, done.stderr
    bundle = userland / "opt" / "dist" / "hello"
    assert (2,) < oldest_glibc(bundle) <= OLD
    assert enter(userland, "/opt/dist/hello/hello").stdout.strip() == "it runs"
    here = shutil.copytree(bundle, tmp_path / "hello", symlinks=True)
    assert subprocess.check_output([here / "hello"], text=True).strip() == "it runs"
