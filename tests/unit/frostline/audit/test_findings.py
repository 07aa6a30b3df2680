"""Waivers accept findings with a reason until a date; every finding has a rule."""

import re
from datetime import date

import pytest

from frostline.audit import leaks
from frostline.audit.findings import Finding, finding, grade, ordered, waive
from frostline.audit.rules import AUDIT, PARITY, RULES, SMOKE
from frostline.core import own_files
from frostline.core.errors import UsageError
from frostline.profile.checks import Waiver

TODAY = date(2026, 11, 21)


def found(name: str, file: str = "a.so", severity: str = "error") -> Finding:
    """Return a finding."""
    made = {"id": name, "file": file, "severity": severity, "reason": "r", "remedy": "m"}
    return Finding(**made)  # type: ignore[arg-type]


def waiver(name: str, file: str = "*", expires: date = TODAY) -> Waiver:
    """Return a waiver."""
    return Waiver(id=name, file=file, reason="known and accepted", expires=expires)


def test_the_policy_changes_severities() -> None:
    """It counts for the findings about waivers, too; an id that is not known is refused."""
    known = waive([found("native.rpath")], [waiver("a.b")], TODAY)
    graded = grade(known, {"native.rpath": "note", "waiver.unused": "error"})
    assert [(item.id, item.severity) for item in graded] == [
        ("native.rpath", "note"), ("waiver.unused", "error"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"severity\.native\.rpat: .* \"native.rpath\""):
        grade(known, {"native.rpat": "note"})


def test_a_waiver_covers_what_it_names() -> None:
    """A waiver applies to its finding and files until its last day."""
    known = [found("a.b"), found("a.b", "other"), found("a.c")]
    result = waive(known, [waiver("a.b", "*.so")], TODAY)
    assert [bool(finding.waived) for finding in result] == [True, False, False]


def test_a_waiver_ends() -> None:
    """After the last day the finding counts again, and the waiver is a finding."""
    result = waive([found("a.b")], [waiver("a.b", expires=date(2026, 11, 20))], TODAY)
    assert [(f.id, f.waived) for f in result] == [("a.b", ""), ("waiver.expired", "")]


def test_a_waiver_that_nothing_needs() -> None:
    """A waiver that matches nothing is a finding."""
    (result,) = waive([], [waiver("a.b")], TODAY)
    assert (result.id, result.severity) == ("waiver.unused", "note")
    late = waiver("a.b", expires=date(2026, 11, 20))
    assert [item.id for item in waive([], [late], TODAY)] == ["waiver.unused"]


def test_a_finding_has_its_rule_s_remedy() -> None:
    """A remedy of its own takes the place of the rule's."""
    rule = RULES["native.rpath"]
    usual, own = finding("native.rpath", "a.so", "r"), finding("native.rpath", "a.so", "r", "own")
    assert (usual.remedy, usual.severity, own.remedy) == (rule.remedy, rule.severity, "own")


def test_the_worst_first() -> None:
    """Findings are sorted by severity, waived ones last."""
    known = [found("b.b", severity="note"), found("a.a"), found("c.c", severity="warning")]
    waived = waive(known, [waiver("a.a")], TODAY)
    assert [finding.id for finding in ordered(waived)] == ["c.c", "b.b", "a.a"]


@pytest.mark.parametrize("package", ["audit", "smoke"])
def test_every_rule_is_used_and_every_finding_has_one(package: str) -> None:
    """The code uses every rule, and every finding in the code has a rule."""
    kinds = {name.partition(".")[0] for name in RULES}
    named = {
        name
        for path in (own_files.build_package() / package).glob("*.py")
        if path.stem != "rules"
        for name, kind in re.findall(r'"(([a-z]+)\.[a-z-]+)"', path.read_text("utf-8"))
        if kind in kinds
    }
    named |= {f"leak.{kind}" for kind in leaks.KINDS} if package == "audit" else set()
    assert named == {*(AUDIT if package == "audit" else {**SMOKE, **PARITY})}
