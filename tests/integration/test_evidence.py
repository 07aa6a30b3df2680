"""Evidence is enough to freeze packages that are hard to freeze."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from samples import Samples
from verbs import run

from frostline.audit import unbundled
from frostline.core import platforms
from frostline.core.workspace import Target, Workspace
from frostline.freeze.bundle import require_bundle
from frostline.freeze.contents import walk
from frostline.infer.opening import open_build
from frostline.launch import evidence
from frostline.launch.evidence import Fact
from frostline.profile.build import Build

TARGET = Target("hard", platforms.host())
ELSEWHERE = platforms.PLATFORMS["windows_arm64"]  # the product was never traced on it
# What the analysis and the product's own package data alone miss; hooks cover the rest.
HARD = {"password", "task", "yaml"}


def opened(project: Path) -> Build:
    """Return the build of the product."""
    return open_build(Workspace(project), "hard", TARGET.platform, os.environ)


def failed(project: Path) -> set[str]:
    """Return the failed checks of the smoke test."""
    done = run(project, "smoke", "--product", "hard", "--json")
    return {check["name"] for check in json.loads(done.stdout)["checks"] if not check["ok"]}


@pytest.fixture(scope="module")
def project(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the product, with its evidence, frozen."""
    return samples.copy(tmp_path_factory.mktemp("hard") / "project", "hard")


@pytest.fixture(scope="module")
def facts(project: Path) -> tuple[Fact, ...]:
    """Return the facts of the run from source."""
    found = evidence.load(opened(project))
    assert found
    return found


@pytest.mark.product("A14")
def test_a_bundle_by_evidence_alone_is_good(project: Path) -> None:
    """A profile without hints works with evidence alone."""
    profile = opened(project).profile
    by_hand = (profile.hidden_imports, profile.data, profile.packages, profile.hooks)
    assert by_hand == ((), (), {}, ())
    assert len(profile.smoke.requests) == 16
    assert failed(project) == set()


@pytest.mark.product("A14")
def test_without_evidence_it_is_not(project: Path, tmp_path: Path) -> None:
    """Without evidence the same profile builds but fails its smoke test."""
    other = tmp_path / "project"
    shutil.copytree(project, other, symlinks=True)
    Workspace(other).evidence("hard").unlink()
    assert run(other, "build", "--freeze-only", "--product", "hard").returncode == 0
    assert failed(other) == HARD
    done = run(other, "parity", "--product", "hard", "--json")
    assert done.returncode == 5
    assert {(item["id"], item["file"]) for item in json.loads(done.stdout)} == {
        ("parity.status", name) for name in HARD
    }


def test_it_does_what_the_source_does(project: Path) -> None:
    """Routes, descriptions, responses and facts equal the source's."""
    done = run(project, "parity", "--product", "hard")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the artifact behaves like the source" in done.stdout


def test_each_fact_says_who_and_when(facts: tuple[Fact, ...]) -> None:
    """Each fact names its user and the step."""
    said = {(fact.kind, fact.name): fact.why for fact in facts}
    assert said["file", "hard/templates/hello.txt"] == (
        "opened by jinja2.loaders at GET /check/template"
    )
    assert said["module", "kombu.transport.memory"].endswith("at GET /check/task")
    assert said["metadata", "ruamel-yaml"] == "asked for by hard.app at GET /check/version"
    assert said["entry-points", "hard.plugins"].startswith("asked for by hard.app")
    assert said["file", "hard/migrations/env.py"].startswith("opened by alembic")
    statements = {name for kind, name in said if kind == "module"}
    assert not statements & {"fastapi", "jinja2", "alembic.command"}  # the analysis finds these


def test_evidence_tells_nothing_of_the_machine(project: Path, facts: tuple[Fact, ...]) -> None:
    """Evidence has no absolute path or user name and is reproducible."""
    path = Workspace(project).evidence("hard")
    text = path.read_text("utf-8")
    assert str(project) not in text
    assert os.path.expanduser("~") + "/" not in text  # noqa: PTH111  # as text
    assert not re.search(r'"/|: /[a-z]|[A-Z]:\\', text)
    assert all(fact.platforms == (TARGET.platform.name,) for fact in facts)
    assert run(project, "evidence", "--product", "hard").returncode == 0
    assert path.read_text("utf-8") == text


@pytest.mark.product("A14")
def test_what_is_lost_is_found(project: Path, facts: tuple[Fact, ...]) -> None:
    """Each used thing that the bundle lacks is one finding."""
    build = opened(project)
    require_bundle(build)
    items = [*walk(build.bundle)]
    assert [*unbundled.find(build, facts, items, ())] == []
    lost = {
        "babel/locale-data/de.dat": {"evidence.missing-file"},
        "kombu.transport.memory": {"evidence.missing-module"},
        "ruamel_yaml-": {"evidence.missing-metadata"},
        "hardspace.greeting": {"evidence.missing-entry-point", "evidence.missing-module"},
    }
    for part, expected in lost.items():
        rest = [item for item in items if part not in item.name]
        assert len(rest) < len(items)
        for platform, severity in ((TARGET.platform, "error"), (ELSEWHERE, "warning")):
            there = replace(build, target=Target("hard", platform))
            found = [*unbundled.find(there, facts, rest, ())]
            assert {finding.id for finding in found} == expected
            assert {finding.severity for finding in found} == {severity}


def test_a_product_that_fails_from_source_gives_no_evidence(project: Path, tmp_path: Path) -> None:
    """The message names the failed request; the evidence stays."""
    other = tmp_path / "project"
    shutil.copytree(project, other, symlinks=True, ignore=shutil.ignore_patterns("output"))
    path = Workspace(other).evidence("hard")
    before = path.read_bytes()
    spec = other / "specs" / "hard.toml"
    text = spec.read_text("utf-8").replace("Hello world!", "Hello moon!")
    spec.write_text(text, encoding="utf-8")
    done = run(other, "evidence", "--product", "hard")
    assert done.returncode == 4
    assert "fails from source: template: the response lacks 'Hello moon!'" in " ".join(
        done.stderr.split()
    )
    assert path.read_bytes() == before
