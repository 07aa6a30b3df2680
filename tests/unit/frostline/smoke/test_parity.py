"""The differences between a product from source and its artifact."""

import json
from dataclasses import replace

import pytest

from frostline.smoke.parity import compare
from frostline.smoke.result import TrialResult

API = {"paths": {"/a": {"get": {"summary": "A"}, "parameters": []}, "/b": {"post": {}}}}
TESTED = {"ok": True, "facts": {"python": ["3.11"], "entry-point": ["x: g: a = b:c"]}}
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
        (changed("selftest --json", 0, "no JSON"), "parity.fact", "cannot be read"),
    ],
)  # fmt: skip
def test_each_difference_is_found(artifact: TrialResult, expected: str, reason: str) -> None:
    """Each difference gives a finding with its id and reason."""
    found = compare(SOURCE, artifact)
    assert {finding.id for finding in found} == {expected}
    assert reason in found[0].reason
