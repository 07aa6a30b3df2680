"""Waivers hold for a reason and for a time."""

import inspect
import re
from datetime import date

from frostline.audit import audit, findings
from frostline.audit import missing_modules as ratchet
from frostline.audit import unbundled as gaps
from frostline.audit.findings import Finding, ordered, waive
from frostline.core import own_files as resources
from frostline.profile.checks import Waiver
from frostline.smoke import parity, trial
from frostline.smoke import verdict as smoke

KINDS = {
    "evidence", "file", "freeze", "leak", "licence", "link", "mode", "native", "path", "size",
    "waiver",
}  # fmt: skip
TODAY = date(2026, 11, 21)


def found(name: str, file: str = "a.so", severity: str = "error") -> Finding:
    """Return a finding."""
    made = {"id": name, "file": file, "severity": severity, "reason": "r", "remedy": "m"}
    return Finding(**made)  # type: ignore[arg-type]


def waiver(name: str, file: str = "*", expires: date = TODAY) -> Waiver:
    """Return a waiver."""
    return Waiver(id=name, file=file, reason="known and accepted", expires=expires)


def test_a_waiver_covers_what_it_names() -> None:
    """By finding and file, up to its last day."""
    known = [found("a.b"), found("a.b", "other"), found("a.c")]
    result = waive(known, [waiver("a.b", "*.so")], TODAY)
    assert [bool(finding.waived) for finding in result] == [True, False, False]


def test_a_waiver_ends() -> None:
    """Then the finding counts again, and the waiver is told."""
    result = waive([found("a.b")], [waiver("a.b", expires=date(2026, 11, 20))], TODAY)
    assert [(f.id, f.waived) for f in result] == [("a.b", ""), ("waiver.expired", "")]


def test_a_waiver_that_nothing_needs() -> None:
    """It is told, so that it does not hide the next one."""
    (result,) = waive([], [waiver("a.b")], TODAY)
    assert (result.id, result.severity) == ("waiver.unused", "note")


def test_the_worst_first() -> None:
    """And what does not count last."""
    known = [found("b.b", severity="note"), found("a.a"), found("c.c", severity="warning")]
    waived = waive(known, [waiver("a.a")], TODAY)
    assert [finding.id for finding in ordered(waived)] == ["c.c", "b.b", "a.a"]


def test_every_finding_is_documented() -> None:
    """docs/audit.md names each id that the sources can give, and no other."""
    document = resources.data("docs", "audit.md").read_text("utf-8")
    told = set(re.findall(r"(?m)^\| `([a-z]+\.[a-z-]+)` \|", document))
    given = {f"leak.{kind}" for kind in audit._LEAKS}
    for module in (audit, findings, gaps, ratchet):
        words = re.findall(r'"(([a-z]+)\.[a-z-]+)"', inspect.getsource(module))
        given |= {name for name, kind in words if kind in KINDS}
    assert told == given


def test_every_verdict_is_documented() -> None:
    """docs/verdict.md names each id that a trial or a comparison can give, and no other."""
    document = resources.data("docs", "verdict.md").read_text("utf-8")
    told = set(re.findall(r"(?m)^\| `([a-z]+\.[a-z-]+)` \|", document))
    given = {
        name
        for module in (parity, smoke, trial)
        for name in re.findall(r'"((?:smoke|parity)\.[a-z-]+)"', inspect.getsource(module))
    }
    assert told == given
