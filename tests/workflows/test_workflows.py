"""Runs every `run:` line of the workflows' Linux jobs in order, in a clean environment.

The test does what the actions do: a checkout is a clone, an artifact is a folder.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import github_api
import machines
import pytest
import yaml
from machines import Machine

from frostline.core import platforms

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the jobs for Linux")
ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
HOST = platforms.host()
PRODUCT = "argo"
# `.ci/run` runs these before and around this very test.
BY_CI = {"python noxw.py -s lint types", "python noxw.py -s tests"}
# It uploads the package and needs GitHub's identity token.
NEVER = {"python noxw.py -s upload"}


def jobs(workflow: str) -> dict[str, dict[str, Any]]:
    """Return the jobs of *workflow* by their ids."""
    return machines.jobs(WORKFLOWS / f"{workflow}.yml")


def test_no_line_is_forgotten() -> None:
    """Every line is run here, or by CI, or is listed with a reason."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for line in BY_CI:
        assert line.replace("python ", "python3 ") in script
    everything = [*jobs("ci").values(), *jobs("freeze").values(), *jobs("release").values()]
    lines = {
        step["run"].strip() for job in everything for step in job.get("steps", []) if "run" in step
    }
    assert lines >= BY_CI | NEVER
    for line in lines - BY_CI - NEVER:
        assert line.startswith(("python noxw.py -s ", "test ")), line
        assert "\n" not in line, "a step is one command of this repository"


def test_rights_and_pins() -> None:
    """Jobs have only the permissions they name; actions are pinned; releases never cancel."""
    for path in WORKFLOWS.glob("*.yml"):
        text = path.read_text("utf-8")
        document = yaml.safe_load(text)
        assert document["permissions"] == {}
        for job in document["jobs"].values():
            assert "permissions" in job
            assert "uses" in job or job["timeout-minutes"] <= 60
        for used in re.findall(r"uses: (\S+@\S+)(.*)", text):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used[0]), used
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", used[1]), used
        assert "-latest" not in text
    attest = jobs("freeze")["attest"]
    assert not [step for step in attest["steps"] if "run" in step]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder for machines; it is removed afterwards, as it is large."""
    folder = tmp_path_factory.mktemp("runners")
    yield folder
    shutil.rmtree(folder)


def test_what_is_planned(places: Path) -> None:
    """Every product for every platform that its lock has wheels for; warnings are no output."""
    everything = {"inputs.product": "", "inputs.platform": ""}
    outputs = Machine(places / "planner", {}).run(jobs("freeze")["plan"], everything)
    assert set(outputs) == {"matrix"}
    planned = json.loads(outputs["matrix"])["include"]
    on_arm = {job["product"] for job in planned if job["platform"] == "windows_arm64"}
    assert on_arm == {"rag"}, "argo needs tiktoken, tinyllama xllamacpp"


def test_from_the_plan_to_the_release(places: Path, document: dict[str, Any]) -> None:
    """freeze.yml and release.yml work for this platform, then ci.yml's build."""
    without = BY_CI | NEVER
    with github_api.serving(document) as github:
        shown = github_api.releases(github)
        variables = {
            "GITHUB_REPOSITORY": "acme/frostline", "GITHUB_API_URL": github.url,
            "GITHUB_REF_NAME": "v1.2.3",
        }  # fmt: skip
        builder, fresh = (Machine(places / name, variables) for name in ("builder", "fresh"))
        freeze, release = jobs("freeze"), jobs("release")
        context = {"inputs.product": PRODUCT, "inputs.platform": HOST.name}
        context |= {"github.token": github_api.TOKEN}
        matrix = json.loads(builder.run(freeze["plan"], context, without)["matrix"])
        (entry,) = matrix["include"]
        context |= {f"matrix.{key}": value for key, value in entry.items()}
        builder.run(freeze["build"], context, without)
        uploaded = fresh.checkout / "build" / "artifact"
        kept = places / "artifacts" / f"{PRODUCT}-{HOST.name}"
        for place in (uploaded, kept):
            shutil.copytree(builder.checkout / "build" / "release", place / "release")
        fresh.run(freeze["smoke"], context, without)
        shutil.copytree(kept.parent, fresh.checkout / "build" / "artifacts")
        fresh.run(release["package"], context, without)
        fresh.run(release["draft"], context, without)
        assert [item["draft"] for item in shown] == [True]
        fresh.run(release["publish"], context, without)
        assert [item["draft"] for item in shown] == [False]
        names = {asset["name"] for asset in shown[0]["assets"]}
        assert {"SHA256SUMS", "release.json"} < names
        assert github.wrong == []
        assert "supervisor" in shown[0]["body"], "the changelog's words"
        assert {path.suffix for path in (fresh.checkout / "build" / "dist").iterdir()} == {
            ".whl", ".gz",
        }  # fmt: skip
        ci = jobs("ci")
        context["join(needs.*.result, ' ')"] = "success success"
        for job in ci.values():
            builder.run(job, context, without)
