"""Fixtures that launch an artifact and check that no process is left."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

assert sys.platform == "linux"  # faults can be injected there only

import pytest
from harness import AT_ONCE, TAG, Artifact, Launch, bundle, orphans

from frostline_runtime.artifact.manifest import ModelServer, Resource, Service


@pytest.fixture
def tag() -> str:
    """Return a value that all processes of this test carry in their environment."""
    return uuid.uuid4().hex


@pytest.fixture
def launch(tmp_path: Path, tag: str) -> Iterator[Launch]:
    """Return a function that launches an artifact; the test fails if a process is left."""
    started: list[Artifact] = []

    def start(
        *services: Service,
        arguments: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        server: ModelServer | None = None,
        resources: tuple[Resource, ...] = (),
        **popen: Any,
    ) -> Artifact:
        made = bundle(tmp_path, *services, server=server, resources=resources)
        variables = made | {TAG: tag} | (env or {})
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
    left = orphans(tag, timeout=AT_ONCE)
    for process in left:
        process.kill()
    assert not left, f"left behind: {[p.cmdline() for p in left]}"
