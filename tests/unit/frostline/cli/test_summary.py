"""The summary of a job of GitHub Actions."""

from dataclasses import replace
from pathlib import Path

import plain

from frostline.audit.audit import AuditResult
from frostline.audit.findings import finding
from frostline.cli import summary
from frostline.dispatch import Proof
from frostline.smoke.parity import ParityReport
from frostline.smoke.result import Check
from frostline.smoke.verdict import Verdict


def proof(folder: Path, *, good: bool) -> Proof:
    """Return the proof of a bundle in *folder* that is *good*, or wrong in every check."""
    build = plain.bundled(folder)
    wrong = () if good else (finding("leak.secret", "a|b.txt", "contains <a token>"),)
    platform = build.platform.name
    return Proof(
        bundle=plain.described(build), asked=True,
        audit=AuditResult(
            product="tool", platform=platform, layout="onedir", version="1.0", inputs="x", ok=good,
            looked_at=7, minimum="glibc 2.28",
            findings=wrong,
        ),
        smoke=Verdict(
            product="tool", platform=platform, layout="onedir", inputs="x", ok=good,
            unproven=("read-only: no namespaces",), rounds=1,
            checks=(Check("smoke.request", "GET /", good, "status 500"),), ready_ms=8,
            healthy_ms=9, spread=(), memory_bytes=None, size_bytes=1, log="log", tail=(),
        ),
        parity=ParityReport("tool", "x", wrong) if good else None,
    )  # fmt: skip


def test_a_good_bundle(tmp_path: Path) -> None:
    """Each check has a row; what could not be tested is said; it is added to what is there."""
    file = tmp_path / "summary"
    file.write_text("before\n", encoding="utf-8")
    summary.append(proof(tmp_path, good=True), {summary.VARIABLE: str(file)})
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "before"
    assert lines[1].startswith("### tool ")
    assert lines[1].endswith(": good")
    assert "| audit | OK to ship; 7 files; runs on glibc 2.28 or newer |" in lines
    assert "| smoke | good; 1 checks; healthy after 9 ms |" in lines
    assert "| smoke | not tested on this machine: read-only: no namespaces |" in lines
    assert "| parity | behaves like the source |" in lines
    assert not [line for line in lines if line.startswith("- ")]


def test_a_bad_bundle(tmp_path: Path) -> None:
    """Each problem is listed, as text and not as markup; a check that has not run is said."""
    lines = summary.markdown(proof(tmp_path, good=False)).splitlines()
    assert lines[0].endswith(": not good")
    assert "- `leak.secret` a\\|b.txt: contains &lt;a token>" in lines
    assert "- `smoke.request` GET /: status 500" in lines
    assert "| parity | has not run |" in lines


def test_nothing_is_asked(tmp_path: Path) -> None:
    """A bundle of which nothing is asked is not proven, whatever its checks say."""
    found = replace(proof(tmp_path, good=True), asked=False)
    assert not found.ok
    assert summary.markdown(found).splitlines()[0].endswith(": not proven, nothing is asked")


def test_elsewhere(tmp_path: Path) -> None:
    """Without the variable nothing is written."""
    summary.append(proof(tmp_path, good=True), {})
