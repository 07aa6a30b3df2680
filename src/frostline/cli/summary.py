"""Writes what a build has proven into the summary of a job of GitHub Actions."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frostline.dispatch import Proof

VARIABLE = "GITHUB_STEP_SUMMARY"


def append(proof: "Proof", environ: Mapping[str, str]) -> None:
    """Append *proof* to the file that GitHub shows, if *environ* names one. Raises OSError."""
    if file := environ.get(VARIABLE):
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(markdown(proof))


def markdown(proof: "Proof") -> str:
    """Return *proof* as Markdown: a title, a row for each check, and each problem."""
    bundle = proof.bundle
    word = "good" if proof.ok else "not good" if proof.asked else "not proven, nothing is asked"
    lines = [f"### {bundle.product} {bundle.version} for {bundle.platform}: {word}", ""]
    lines += ["| check | result |", "|---|---|"]
    lines += [f"| {name} | {_cell(result)} |" for name, result in _rows(proof)]
    problems = [f"- `{name}` {_cell(reason)}" for name, reason in _problems(proof)]
    return "\n".join([*lines, "", *problems, ""]) + "\n"


def _rows(proof: "Proof") -> Iterator[tuple[str, str]]:
    audit, smoke, parity = proof.audit, proof.smoke, proof.parity
    passed = "OK to ship" if audit.ok else "must not ship"
    yield "audit", f"{passed}; {audit.looked_at} files; runs on {audit.minimum} or newer"
    if smoke:
        healthy = f"; healthy after {smoke.healthy_ms} ms" if smoke.healthy_ms is not None else ""
        yield "smoke", f"{'good' if smoke.ok else 'not good'}; {len(smoke.checks)} checks{healthy}"
        for item in smoke.unproven:
            yield "smoke", f"not tested on this machine: {item}"
    else:
        yield "smoke", "has not run"
    if parity:
        count = len(parity.findings)
        yield "parity", "behaves like the source" if parity.ok else f"{count} differences"
    else:
        yield "parity", "has not run"


def _problems(proof: "Proof") -> Iterator[tuple[str, str]]:
    for finding in proof.audit.findings:
        if finding.severity == "error" and not finding.waived:
            yield finding.id, f"{finding.file}: {finding.reason}"
    for check in proof.smoke.checks if proof.smoke else ():
        if not check.ok:
            yield check.id, f"{check.name}: {check.detail}"
    for finding in proof.parity.findings if proof.parity else ():
        yield finding.id, f"{finding.file}: {finding.reason}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())[:500]
