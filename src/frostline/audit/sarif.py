"""An audit as SARIF 2.1.0, which GitHub shows beside the code."""

from frostline.audit.audit import Audit


def sarif(result: Audit) -> dict[str, object]:
    """Return *result* as SARIF 2.1.0, which GitHub shows beside the code."""
    rules = sorted({finding.id for finding in result.findings})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "frostline", "rules": [{"id": id_} for id_ in rules]}},
                "results": [
                    {
                        "ruleId": finding.id,
                        "level": finding.severity,
                        "message": {
                            "text": f"{finding.file} {finding.reason}. Remedy: {finding.remedy}."
                        },
                        "locations": [
                            {"physicalLocation": {"artifactLocation": {"uri": finding.file}}}
                        ],
                        "suppressions": [
                            {"kind": "external", "justification": reason}
                            for reason in [finding.waived]
                            if reason
                        ],
                    }
                    for finding in result.findings
                ],
            }
        ],
    }
