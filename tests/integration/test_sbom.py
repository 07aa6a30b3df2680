"""The bill of materials of a frozen product, validated with the official schema."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from samples import Samples
from verbs import run

from frostline.core import platforms

NAME = f"echo-{platforms.host().name}"


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sample product, frozen."""
    return samples.copy(tmp_path_factory.mktemp("sbom") / "project", "echo")


def test_it_says_what_is_in_the_bundle(project: Path) -> None:
    """The bill has distributions, the interpreter and system libraries."""
    done = run(project, "sbom", "--product", "echo")
    assert done.returncode == 0, done.stderr
    bill, notice = map(Path, done.stdout.split())
    text = bill.read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["name"] == "echo"
    parts = {part["name"]: part for part in document["components"]}
    assert {"echo", "cpython", "pyinstaller", "frostline-runtime"} <= parts.keys()
    assert parts["pyinstaller"]["purl"].startswith("pkg:pypi/pyinstaller@6.")
    inside = project / "build" / "output" / NAME / "_internal"
    libraries = {path.name for path in inside.iterdir() if ".so" in path.name}
    system = {name for name, part in parts.items() if part["bom-ref"].startswith("system:")}
    assert system
    assert system <= libraries
    assert all(len(parts[name]["hashes"][0]["content"]) == 64 for name in system)
    assert str(project) not in text
    assert notice.read_text("utf-8").startswith("echo 1.0 contains third-party software.")


def test_the_same_bundle_gives_the_same_bytes(project: Path) -> None:
    """The bill is reproducible."""
    files = [Path(line) for line in run(project, "sbom", "--product", "echo").stdout.split()]
    first = [path.read_bytes() for path in files]
    assert run(project, "sbom", "--product", "echo").returncode == 0
    assert [path.read_bytes() for path in files] == first
