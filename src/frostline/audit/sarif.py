"""Converts an audit to SARIF 2.1.0, which GitHub shows beside the code."""

from frostline.audit.audit import AuditResult
from frostline.audit.findings import Finding
from frostline.audit.rules import RULES


def sarif(result: AuditResult) -> dict[str, object]:
    """Return *result* as SARIF 2.1.0."""
    rules = sorted({finding.id for finding in result.findings})
    driver = {"name": "frostline", "rules": [_rule(name) for name in rules]}
    run = {"tool": {"driver": driver}, "results": [_result(f) for f in result.findings]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _rule(name: str) -> dict[str, object]:
    rule = RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": rule.meaning},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding) -> dict[str, object]:
    text = f"{finding.file} {finding.reason}. Remedy: {finding.remedy}."
    return {
        "ruleId": finding.id,
        "level": finding.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": finding.file}}}],
        "suppressions": [{"kind": "external", "justification": finding.waived}]
        if finding.waived
        else [],
    }
