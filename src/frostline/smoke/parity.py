"""Compares a product run from source with its artifact."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from frostline.audit.findings import Finding, finding
from frostline.core import json_file, log
from frostline.freeze.bundle import require_bundle
from frostline.freeze.plan import collect
from frostline.profile.build import Build
from frostline.smoke.result import TrialResult
from frostline.smoke.verdict import SmokeTarget, attempt, attempt_from_source
from frostline.source.product import lay_out


@dataclass(frozen=True)
class _SelfTest:
    """The part of the report of `selftest --json` that is compared: facts by kind."""

    facts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ParityReport:
    """What `parity.json` says: the differences between an artifact and its source."""

    product: str
    inputs: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Return whether there are no differences."""
        return not self.findings


_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def parity(build: Build) -> ParityReport:
    """Compare the artifact of *build* with its source; return the report.

    It is also written to `parity.json`. Raises NotBuiltError, BuildError.
    """
    bundle = require_bundle(build)
    with build.exclusively(), log.step(f"comparing {build.name} with its source") as step:
        stage = lay_out(build)
        collect(build, stage)  # writes the manifest, which the source needs to run
        source = attempt_from_source(build, stage, step)
        target = SmokeTarget(build, bundle.inputs, bundle.size)
        artifact = attempt(target, step, prefix="artifact: ", full=False)
        found = compare(source, artifact)
        step.ok = not found
    report = ParityReport(bundle.product, bundle.inputs, found)
    json_file.write(build.report("parity"), report)
    return report


def compare(source: TrialResult, artifact: TrialResult) -> tuple[Finding, ...]:
    """Return the differences between the results of *source* and *artifact*.

    Statuses and exit codes must be equal, JSON responses must have the same shape, OpenAPI
    documents the same routes and descriptions, and the self-tests must report the same facts.
    """
    found: list[Finding] = []
    for name, (status, text) in sorted(source.observed.items()):
        other, other_text = artifact.observed.get(name, (None, ""))
        if name.startswith("routes of "):
            found += _routes(name, text, other_text)
        elif status != other:
            reason = f"status {status} from source, {other} from the artifact: {other_text[:200]}"
            found.append(finding("parity.status", name, reason))
        elif name == "selftest --json":
            found += _facts(text, other_text)
        else:
            found += _shapes(name, _document(text), _document(other_text))
    return tuple(found)


def _routes(name: str, source: str, artifact: str) -> Iterator[Finding]:
    ours, theirs = dict(_operations(_document(source))), dict(_operations(_document(artifact)))
    for route in sorted(ours.keys() - theirs.keys()):
        yield finding("parity.route", name, f"{route} exists from source only")
    for route in sorted(theirs.keys() - ours.keys()):
        yield finding("parity.route", name, f"{route} exists in the artifact only")
    changed = [
        route for route in sorted(ours.keys() & theirs.keys()) if ours[route] != theirs[route]
    ]
    if changed:
        reason = f"{', '.join(changed[:5])}: the description differs (docstrings?)"
        yield finding("parity.description", name, reason)


def _operations(document: object) -> Iterator[tuple[str, str]]:
    paths = document.get("paths") if isinstance(document, dict) else None
    for path, operations in paths.items() if isinstance(paths, dict) else ():
        for method, described in operations.items():
            if method in _METHODS:
                yield f"{method.upper()} {path}", json.dumps(described, sort_keys=True)


def _facts(source: str, artifact: str) -> Iterator[Finding]:
    try:
        ours, theirs = _facts_in(source), _facts_in(artifact)
    except ValueError:
        yield finding("parity.fact", "selftest", "its report cannot be read")
        return
    for fact in sorted(ours - theirs):
        yield finding("parity.fact", "selftest", f"{fact}: from source only")
    for fact in sorted(theirs - ours):
        yield finding("parity.fact", "selftest", f"{fact}: in the artifact only")


def _facts_in(report: str) -> set[str]:
    """Return the facts in the *report* of `selftest --json`. Raises ValueError."""
    facts = json_file.parse(_object_in(report), _SelfTest).facts
    return {f"{kind} {fact}" for kind, several in facts.items() for fact in several}


def _object_in(text: str) -> str:
    """Return the JSON object in *text*, around which the product may have printed other lines.

    Raises ValueError if there is none.
    """
    start = re.search(r"^\{", text, re.MULTILINE)
    _, end = json.JSONDecoder().raw_decode(text, start.start() if start else 0)
    return text[start.start() if start else 0 : end]


def _shapes(name: str, source: object, artifact: object) -> Iterator[Finding]:
    ours, theirs = set(_shape(source)), set(_shape(artifact))
    if ours != theirs:
        only = [f"{part} from source only" for part in sorted(ours - theirs)]
        only += [f"{part} from the artifact only" for part in sorted(theirs - ours)]
        yield finding("parity.answer", name, "; ".join(only[:5]))


def _shape(value: object, at: str = "") -> Iterator[str]:
    """Yield each path in a JSON value with its type; all items of a list share one path."""
    match value:
        case dict():
            for key, item in value.items():
                yield from _shape(item, f"{at}/{key}")
        case list():
            for item in value:
                yield from _shape(item, f"{at}/*")
        case _:
            yield f"{at or '/'} ({type(value).__name__})"


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
