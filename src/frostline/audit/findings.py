"""Findings, the problems of a bundle, and the waivers that accept them."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from frostline.audit.rules import AUDIT, RULES, SEVERITIES, Severity
from frostline.core.errors import UsageError, did_you_mean
from frostline.profile.checks import Waiver


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem of a bundle: *id* names its rule, *file* the path in the bundle.

    *waived* is the reason of the waiver that accepts it, "" if none does.
    """

    id: str
    severity: Severity
    file: str
    reason: str
    remedy: str
    waived: str = ""


def finding(rule: str, file: str, reason: str, remedy: str = "") -> Finding:
    """Return a finding of *rule*; *remedy* defaults to the rule's."""
    known = RULES[rule]
    return Finding(
        id=rule, severity=known.severity, file=file, reason=reason, remedy=remedy or known.remedy
    )


def grade(findings: Sequence[Finding], severity: Mapping[str, Severity]) -> tuple[Finding, ...]:
    """Return *findings* with the severities of the policy, by id.

    Raises UsageError for an id that no finding of the audit has.
    """
    for name in severity:
        if name not in AUDIT:
            hint = did_you_mean(name, [*AUDIT])
            message = f"policy.toml: severity.{name}: no finding of the audit has this id.{hint}"
            raise UsageError(message, hint="the ids are in docs/audit.md")
    return tuple(replace(item, severity=severity.get(item.id, item.severity)) for item in findings)


def waive(
    findings: Sequence[Finding], waivers: Sequence[Waiver], today: date
) -> tuple[Finding, ...]:
    """Return *findings* with the waived ones marked, and findings about the waivers.

    A waiver that has expired or matches nothing is a finding.
    """
    result = list(findings)
    for waiver in waivers:
        covered = [
            at
            for at, found in enumerate(result)
            if found.id == waiver.id and fnmatch.fnmatchcase(found.file, waiver.file)
        ]
        if covered and waiver.expires < today:
            reason = f"the waiver of {waiver.id} for {waiver.file} expired on {waiver.expires}"
            result.append(finding("waiver.expired", waiver.file, reason))
        elif not covered:
            reason = f"the waiver of {waiver.id} for {waiver.file} matches no finding"
            result.append(finding("waiver.unused", waiver.file, reason))
        else:
            for at in covered:
                result[at] = replace(result[at], waived=waiver.reason)
    return tuple(result)


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return *findings* sorted by severity, the waived ones last."""
    rank = {severity: at for at, severity in enumerate(SEVERITIES)}
    return tuple(sorted(findings, key=lambda f: (bool(f.waived), rank[f.severity], f.id, f.file)))
