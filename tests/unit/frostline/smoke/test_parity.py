"""The differences between a product from source and its artifact."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import plain
import pytest

from frostline.smoke import parity
from frostline.smoke.parity import compare
from frostline.smoke.result import TrialResult
from frostline.source.environment import ProductEnvironment
from frostline.source.stage import Stage

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
API = {"paths": {"/a": {"get": {"summary": "A"}, "parameters": []}, "/b": {"post": {}}}}
FACTS = {"python": ["3.11"], "entry-point": ["x: g: a = b:c"]}
TESTED = {"ok": True, "facts": FACTS}
SOURCE = TrialResult(
    observed={
        "selftest --json": (0, json.dumps(TESTED)),
        "--version": (0, "argo 1.0"),
        "a chat": (200, json.dumps({"text": "hello", "tokens": [1, 2], "at": 1.5})),
        "a page": (200, "<html>"),
        "routes of api": (200, json.dumps(API)),
    }
)


def changed(name: str, status: int | None, value: object) -> TrialResult:
    """Return an artifact's result with other observations."""
    text = value if isinstance(value, str) else json.dumps(value)
    return replace(SOURCE, observed={**SOURCE.observed, name: (status, text)})


def test_the_same_is_the_same() -> None:
    """Other values of the same shape are no difference, such as times."""
    assert compare(SOURCE, SOURCE) == ()
    other = {"text": "good-bye", "tokens": [7, 7, 7], "at": 2.5}
    assert compare(SOURCE, changed("a chat", 200, other)) == ()
    assert compare(SOURCE, changed("--version", 0, "argo in another folder")) == ()


def test_a_product_that_prints_when_it_is_imported() -> None:
    """Other lines around the report of the self-test are no difference."""
    report = json.dumps(TESTED, indent=2)
    printed = f"loading {{1}} models\n{report}\n{{done}}\n"
    assert compare(SOURCE, changed("selftest --json", 0, printed)) == ()


@pytest.mark.parametrize(
    ("artifact", "expected", "reason"),
    [
        (changed("a page", 500, "Internal"), "parity.status", "status 200 from source, 500"),
        (changed("--version", 1, "Traceback"), "parity.status", "0 from source, 1 from the"),
        (changed("a page", None, ""), "parity.status", "None from the artifact"),
        (
            changed("a chat", 200, {"text": "x", "tokens": [], "at": 1.5}), "parity.answer",
            "/tokens/* (int) from source only",
        ),
        (
            changed("a chat", 200, {"text": None, "tokens": [1], "at": 1.5}), "parity.answer",
            "/text (NoneType) from the artifact only",
        ),
        (
            changed("routes of api", 200, {"paths": {"/a": API["paths"]["/a"]}}), "parity.route",
            "POST /b exists from source only",
        ),
        (changed("routes of api", 404, ""), "parity.route", "from source only"),
        (
            changed("routes of api", 200, {"paths": {**API["paths"], "/c": {"put": {}}}}),
            "parity.route", "PUT /c exists in the artifact only",
        ),
        (
            changed("routes of api", 200, {"paths": {**API["paths"], "/a": {"get": {}}}}),
            "parity.description", "GET /a: the description differs",
        ),
        (
            changed("selftest --json", 0, {**TESTED, "facts": {"python": ["3.11"]}}), "parity.fact",
            "entry-point x: g: a = b:c: from source only",
        ),
        (
            changed("selftest --json", 0, {"facts": {**FACTS, "x": ["y"]}}),
            "parity.fact", "x y: in the artifact only",
        ),
        (changed("selftest --json", 0, "no JSON"), "parity.fact", "cannot be read"),
    ],
)  # fmt: skip
def test_each_difference_is_found(artifact: TrialResult, expected: str, reason: str) -> None:
    """Each difference gives a finding with its id and reason."""
    found = compare(SOURCE, artifact)
    assert {finding.id for finding in found} == {expected}
    assert reason in found[0].reason
    names = {name for name, told in artifact.observed.items() if told != SOURCE.observed[name]}
    assert {finding.file for finding in found} == {name.removesuffix(" --json") for name in names}


def test_what_was_not_observed_at_all() -> None:
    """An artifact that came to no answer has no status."""
    nothing = TrialResult()
    (found,) = compare(TrialResult(observed={"a page": (200, "x")}), nothing)
    assert found.reason == "status 200 from source, None from the artifact: "


def test_the_order_of_a_description_is_no_difference() -> None:
    """The keys of JSON have no order."""
    first, second = ({"/a": {"get": {"x": 1, "y": 2}}}, {"/a": {"get": {"y": 2, "x": 1}}})
    ours, theirs = (changed("routes of api", 200, {"paths": paths}) for paths in (first, second))
    assert compare(ours, theirs) == ()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_a_route(method: str) -> None:
    """A route that only the source has is found, whatever its method."""
    ours = changed("routes of api", 200, {"paths": {"/a": {method: {}}}})
    (found,) = compare(ours, changed("routes of api", 200, {"paths": {"/a": {}}}))
    assert found.reason == f"{method.upper()} /a exists from source only"


def test_five_differences_are_named() -> None:
    """More would hide the rest of the report."""
    ours = changed("a chat", 200, {str(number): number for number in range(7)})
    found = compare(ours, changed("a chat", 200, {}))[0].reason
    assert found.split("; ") == [
        "/0 (int) from source only", "/1 (int) from source only", "/2 (int) from source only",
        "/3 (int) from source only", "/4 (int) from source only",
    ]  # fmt: skip
    several = {f"/{number}": {"get": {"summary": "y"}} for number in range(7)}
    other = {path: {"get": {"summary": "x"}} for path in several}
    ours, theirs = (changed("routes of api", 200, {"paths": paths}) for paths in (several, other))
    assert compare(ours, theirs)[0].reason.startswith("GET /0, GET /1, GET /2, GET /3, GET /4: the")


def test_a_value_that_is_no_object() -> None:
    """The type of a JSON answer without keys is compared, too."""
    (found,) = compare(changed("a chat", 200, 1), changed("a chat", 200, 1.5))
    assert found.reason == "/ (int) from source only; / (float) from the artifact only"


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are scripts")
@pytest.mark.parametrize("same", [True, False])
def test_both_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *,
    same: bool,
) -> None:  # fmt: skip
    """The source and the bundle are run in turn; the differences are also written to a file."""
    smoke = {"commands": [{"arguments": ["a"]}]}
    build = plain.bundled(tmp_path, tables={"smoke": smoke})
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexit {0 if same else 3}\n", encoding="utf-8")
    python.chmod(0o755)
    stage = Stage(tmp_path, ProductEnvironment(python, tmp_path), (), ())
    collected: list[object] = []
    monkeypatch.setattr(parity, "lay_out", lambda _: stage)
    monkeypatch.setattr(parity, "collect", lambda *made: collected.append(made))
    report = parity.parity(build)
    found = report.findings
    assert report.ok is same
    assert collected == [(build, stage)]
    assert ("✗" in capsys.readouterr().err) is not same
    reason = "status 3 from source, 0 from the artifact: done"
    assert [(item.id, item.reason) for item in found] == [("parity.status", reason)] * (not same)
    assert json.loads(build.report("parity").read_text(encoding="utf-8")) == {
        "product": "tool", "inputs": "inputs", "findings": [asdict(item) for item in found],
    }  # fmt: skip
