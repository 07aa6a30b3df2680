"""The fixtures that launch an artifact and look for orphans afterwards."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

assert sys.platform == "linux"  # where faults can be injected

import pytest
from harness import SOURCE, TAG, Artifact, Launch, orphans

from frostline_runtime import manifest
from frostline_runtime.manifest import Manifest, Service


@pytest.fixture
def tag() -> str:
    """Return what all processes of this test carry in their environment."""
    return uuid.uuid4().hex


@pytest.fixture
def launch(tmp_path: Path, tag: str) -> Iterator[Launch]:
    """Return a function that launches an artifact; afterwards nothing of it may be left."""
    started: list[Artifact] = []

    def start(
        *services: Service,
        arguments: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        **popen: Any,
    ) -> Artifact:
        value = Manifest(
            product="faulty", name="faulty", version="1", platform="", layout="onedir", entry="",
            services=services,
            environment=manifest.Environment(storage_variable="STORAGE", storage_default="~"),
        )  # fmt: skip
        (tmp_path / manifest.FILE_NAME).write_text(manifest.dump(value), encoding="utf-8")
        variables = {
            "PYTHONPATH": str(SOURCE), "FROSTLINE_BUNDLE": str(tmp_path), "HOME": str(tmp_path),
            "STORAGE": str(tmp_path / "storage"), TAG: tag, "PATH": os.environ["PATH"],
            **(env or {}),
        }  # fmt: skip
        argv = [*prefix, sys.executable, "-m", "frostline_runtime.entry", *arguments]
        artifact = Artifact(argv, variables, tmp_path, **popen)
        started.append(artifact)
        return artifact

    yield start
    for artifact in started:
        if artifact.process.poll() is None:
            artifact.process.send_signal(signal.SIGCONT)
            artifact.process.terminate()
            try:
                artifact.process.wait(15)
            except subprocess.TimeoutExpired:
                artifact.process.kill()
                artifact.process.wait()
        artifact.close()
    left = orphans(tag, patience=1.0)
    for process in left:
        process.kill()
    assert not left, f"left behind: {[p.cmdline() for p in left]}"
