"""What is wrong with a bundle, as data; and which findings a product may waive."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from frostline.audit.rules import RULES, SEVERITIES, Severity
from frostline.profile.checks import Waiver


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong: *id* names its rule, *file* its place in the bundle.

    *waived* is the reason for which it does not count.
    """

    id: str
    severity: Severity
    file: str
    reason: str
    remedy: str
    waived: str = ""


def finding(rule: str, file: str, reason: str, remedy: str = "") -> Finding:
    """Return a finding of *rule*, with the rule's own remedy if none is given."""
    known = RULES[rule]
    return Finding(
        id=rule, severity=known.severity, file=file, reason=reason, remedy=remedy or known.remedy
    )


def waive(
    findings: Sequence[Finding], waivers: Sequence[Waiver], today: date
) -> tuple[Finding, ...]:
    """Return *findings* with the waived ones marked, and findings about the waivers themselves.

    A waiver covers nothing after its last day; one that covers nothing is a finding.
    """
    result = list(findings)
    for waiver in waivers:
        covered = [
            at
            for at, found in enumerate(result)
            if found.id == waiver.id and fnmatch.fnmatchcase(found.file, waiver.file)
        ]
        if covered and waiver.expires < today:
            reason = f"the waiver of {waiver.id} for {waiver.file} ended on {waiver.expires}"
            result.append(finding("waiver.expired", waiver.file, reason))
        elif not covered:
            reason = f"nothing needs the waiver of {waiver.id} for {waiver.file}"
            result.append(finding("waiver.unused", waiver.file, reason))
        else:
            for at in covered:
                result[at] = replace(result[at], waived=waiver.reason)
    return tuple(result)


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return *findings* with the worst first, and the waived ones last."""
    rank = {severity: at for at, severity in enumerate(SEVERITIES)}
    return tuple(sorted(findings, key=lambda f: (bool(f.waived), rank[f.severity], f.id, f.file)))
