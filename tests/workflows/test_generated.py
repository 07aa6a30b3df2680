"""The workflow that `frostline init --github` writes, run line by line for strangers' projects."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import machines
import projects
import proof
import pytest
import verbs
from choice import Triple
from kinds import NAME
from machines import Machine

from frostline.core import platforms

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the jobs for Linux")
HOST = platforms.host()


def machine(folder: Path, project: Path, wheels: Path) -> Machine:
    """Return a machine with a clone of *project* and a Python of its own, as setup-python makes it.

    The index has frostline, too: in *wheels*.
    """
    made = Machine(folder, {"PIP_FIND_LINKS": str(wheels)}, project)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "python")], check=True)
    made.variables["PATH"] = f"{folder / 'python' / 'bin'}:{made.variables['PATH']}"
    return made


def _no_tool(name: str) -> Path:
    message = f"these projects need no lock of {name}"
    raise AssertionError(message)


@pytest.mark.slow("resources/init", "src/frostline/cli/init.py", "src/frostline/cli/matrix.py")
@pytest.mark.parametrize(
    "triple", [("FastAPI", "hatchling", "none"), ("click", "setuptools", "requirements")]
)
def test_it_freezes_and_proves(tmp_path: Path, triple: Triple) -> None:
    """Each line of its jobs works in order; the verdicts stand in the summary of the job."""
    project = projects.write(tmp_path, triple, _no_tool)
    verbs.output(project, "init", "--github", "--nox", "--invoke")
    projects.commit(project)
    (tmp_path / "wheels").mkdir()
    wheels = proof.own_wheel(tmp_path / "wheels").parent
    jobs = machines.jobs(project / ".github" / "workflows" / "freeze.yml")
    builder, fresh = (machine(tmp_path / name, project, wheels) for name in ("builder", "fresh"))
    context = {"inputs.product": "", "inputs.platform": ""}
    planned = json.loads(builder.run(jobs["plan"], context)["matrix"])["include"]
    (entry,) = (job for job in planned if job["platform"] == HOST.name)
    assert entry["product"] == NAME
    context |= {f"matrix.{key}": value for key, value in entry.items()}
    summary = tmp_path / "summary.md"
    builder.variables["GITHUB_STEP_SUMMARY"] = str(summary)
    builder.run(jobs["build"], context)
    assert summary.read_text("utf-8").splitlines()[0].endswith(": good")
    release = fresh.checkout / "build" / "artifact" / "release"
    shutil.copytree(builder.checkout / "build" / "release", release)
    fresh.run(jobs["smoke"], context)
