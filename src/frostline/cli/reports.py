"""Shows the reports of the checks: evidence, audit, smoke test, comparison, and all of a build."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from frostline.cli.results import counted, json_text, megabytes
from frostline.core import log

if TYPE_CHECKING:
    from frostline.audit.audit import AuditResult
    from frostline.dispatch import Proof
    from frostline.freeze.bundle import Bundle
    from frostline.pipeline import Recorded
    from frostline.smoke.parity import ParityReport
    from frostline.smoke.verdict import Verdict


def evidence(found: "Recorded") -> None:
    """Show the facts that are new or gone."""
    known = dict.fromkeys(found.before, "gone") | dict.fromkeys(found.now, "new")
    changed = [fact for fact in sorted(known) if (fact in found.before) != (fact in found.now)]
    rows = [(known[fact], fact.package, fact.kind, fact.name, fact.why) for fact in changed]
    if rows:
        log.table("changed evidence", ("", "package", "kind", "what", "why"), rows)
    log.text(f"{counted(len(found.now), 'fact')}, {len(rows)} changed: {found.file}")


def evidence_json(found: "Recorded") -> str:
    """Return the facts of the new evidence."""
    return json_text([asdict(fact) for fact in found.now])


def audit(found: "AuditResult") -> None:
    """Show the findings of an audit."""
    counted = [finding for finding in found.findings if finding.severity != "note"]
    rows = [
        (
            f"waived: {f.severity}" if f.waived else f.severity, f.id, f.file,
            f"{f.reason}; {f.waived or f.remedy}",
        )
        for f in counted
    ]  # fmt: skip
    if rows:
        log.table(f"audit of {found.product}", ("severity", "finding", "file", "why"), rows)
    notes = len(found.findings) - len(counted)
    log.text(
        f"{found.looked_at} files examined, {notes} notes (in --json); runs on {found.minimum} "
        f"or newer; {'OK to ship' if found.ok else 'must NOT ship'}"
    )


def verdict(found: "Verdict") -> None:
    """Show the verdict of a smoke test."""
    from frostline.audit.rules import RULES

    rows = [(check.name, "ok" if check.ok else "FAILED", check.detail) for check in found.checks]
    name = f"{found.product}-{found.platform} ({found.layout})"
    log.table(f"smoke test of {name}", ("check", "result", "detail"), rows)
    figures = [
        ("time to ready line", _milliseconds(found.ready_ms)),
        ("time to healthy", _milliseconds(found.healthy_ms)),
        *([("over all rounds", _spread(found))] if found.rounds > 1 else []),
        ("memory", megabytes(found.memory_bytes) if found.memory_bytes else "-"),
        ("size", megabytes(found.size_bytes)),
        ("verdict", "good" if found.ok else "NOT GOOD"),
    ]
    log.table("figures", ("what", "value"), figures)
    for item in found.unproven:
        log.warning(f"not tested on this machine: {item}")
    if not found.ok:
        log.tail(found.tail)
        failed = [check.id for check in found.checks if not check.ok]
        for remedy in dict.fromkeys(RULES[name].remedy for name in failed):
            log.note(f"what to do: {remedy}")
        log.note(f"the artifact's full output is in {found.log}")


def parity(found: "ParityReport") -> None:
    """Show how an artifact differs from its source."""
    if not found.ok:
        rows = [(item.id, item.file, item.reason) for item in found.findings]
        log.table("differences from the source", ("finding", "where", "what"), rows)
        for remedy in dict.fromkeys(item.remedy for item in found.findings):
            log.note(f"what to do: {remedy}")
    else:
        log.text("the artifact behaves like the source")


def parity_json(found: "ParityReport") -> str:
    """Return the differences between an artifact and its source."""
    return json_text(found.findings)


def built(found: "Bundle | Proof") -> None:
    """Show a bundle: its executable and size, what is wrong with it, and what to do next."""
    from frostline.freeze.bundle import Bundle

    if isinstance(found, Bundle):
        log.text(f"{found.executable}  {megabytes(found.size)}  not checked")
        return
    reports = {"audit": found.audit, "smoke": found.smoke, "parity": found.parity}
    if not found.audit.ok:
        audit(found.audit)
    if found.smoke and not found.smoke.ok:
        verdict(found.smoke)
    if found.parity and not found.parity.ok:
        parity(found.parity)
    missing = [name for name, report in reports.items() if not report]
    for name in missing:
        log.warning(f"{name} has not run: no machine of this build could run it")
    if not found.asked:
        log.warning("nothing is asked of it, so nothing is proven; write, for example:")
        log.warning('  [[smoke.commands]] with arguments = ["--version"]')
    named = f"--product {found.bundle.product}"
    words = "good" if found.ok else "not proven" if missing or not found.asked else "NOT GOOD"
    after = f"; to pack it: `frostline package {named}`" if found.ok else ""
    size = megabytes(found.bundle.size)
    log.text(f"{words}: {found.bundle.executable}  {size}{log.as_called(after)}")


def built_json(found: "Bundle | Proof") -> str:
    """Return the description of a bundle without its files, and what its checks say."""
    from frostline.freeze.bundle import Bundle

    bundle = found if isinstance(found, Bundle) else found.bundle
    facts = {key: value for key, value in asdict(bundle).items() if key != "files"}
    if not isinstance(found, Bundle):
        checks = {"audit": found.audit, "smoke": found.smoke, "parity": found.parity}
        facts["good"] = found.ok
        facts["checks"] = {name: bool(report and report.ok) for name, report in checks.items()}
    return json_text(facts)


def _spread(verdict: "Verdict") -> str:
    least, median, most = verdict.spread or (0, 0, 0)
    return f"{verdict.rounds} rounds: {least} to {most} ms, median {median} ms"


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"
