"""Files of npm packages."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest


def npm_file(package: str, member: str, folder: Path) -> bytes:
    """Return the file *member* of *package*, fetched to *folder*; skip the test if it cannot be."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip(f"needs npm to fetch {package}")
    environ = dict(os.environ)
    if "SSL_CERT_FILE" in environ:  # Node does not know it
        environ.setdefault("NODE_EXTRA_CA_CERTS", environ["SSL_CERT_FILE"])
    argv = [npm, "pack", "--silent", "--ignore-scripts", package]
    done = subprocess.run(
        argv, cwd=folder, env=environ, check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"{package} cannot be fetched: {done.stderr.strip()[-200:]}")
    with tarfile.open(folder / done.stdout.strip()) as packed:
        file = packed.extractfile(member)
        assert file
        return file.read()
