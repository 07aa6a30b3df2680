"""What a check has found in a bundle, as data; and which of it a product may waive."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from frostline.profile.checks import Waiver

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong: *id* is stable, *file* is its place in the bundle.

    *waived* is the reason why it does not count.
    """

    id: str
    severity: Severity
    file: str
    reason: str
    remedy: str
    waived: str = ""


def waive(
    findings: Sequence[Finding], waivers: Sequence[Waiver], today: date
) -> tuple[Finding, ...]:
    """Return *findings* with those that a waiver covers marked, and what is wrong with waivers.

    A waiver that has expired covers nothing; one that nothing needs any more is told.
    """
    result = list(findings)
    for waiver in waivers:
        covered = [
            at
            for at, finding in enumerate(result)
            if finding.id == waiver.id and fnmatch.fnmatchcase(finding.file, waiver.file)
        ]
        if covered and waiver.expires < today:
            reason = f"the waiver of {waiver.id} for {waiver.file} ended on {waiver.expires}"
            remedy = "mend it, or waive it anew with a date"
            result.append(_about(waiver, "waiver.expired", "warning", reason, remedy))
        elif not covered:
            reason = f"nothing needs the waiver of {waiver.id} for {waiver.file}"
            result.append(_about(waiver, "waiver.unused", "note", reason, "remove it"))
        else:
            for at in covered:
                result[at] = replace(result[at], waived=waiver.reason)
    return tuple(result)


def _about(waiver: Waiver, name: str, severity: Severity, reason: str, remedy: str) -> Finding:
    return Finding(id=name, severity=severity, file=waiver.file, reason=reason, remedy=remedy)


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return *findings* with the worst first, and those that do not count last."""
    rank = {severity: at for at, severity in enumerate(SEVERITIES)}
    return tuple(sorted(findings, key=lambda f: (bool(f.waived), rank[f.severity], f.id, f.file)))
