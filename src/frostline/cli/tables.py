"""What verbs show to people: tables and figures."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from frostline.core import log
from frostline.llamafile.pack import Held
from frostline.llamafile.serve import Served
from frostline.profile.resources import Pin
from frostline.smoke.verdict import Verdict

if TYPE_CHECKING:
    from frostline.audit.audit import Audit


def audit(found: "Audit") -> None:
    """Show what an audit has found."""
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
        f"{found.looked_at} files looked at, {notes} notes (in --json); runs on {found.minimum} "
        f"or newer; {'nothing stands against it' if found.ok else 'it must NOT ship'}"
    )


def size_of_pin(pin: Pin) -> str:
    """Return the size of *pin* as text."""
    return megabytes(pin.size) if pin.size else "not known"


def doubt(pin: Pin) -> str:
    """Return what is not sure about *pin*, and its licence."""
    # Every pin has a sum, or says why not.
    doubts = [pin.unverified if pin.sha256 else f"NOT VERIFIED: {pin.unverified}"]
    doubts += [f"to be confirmed: {pin.confirm}"] if pin.confirm else []
    return "; ".join(filter(None, [*doubts, pin.licence]))


def served(found: Served, *, as_json: bool) -> None:
    """Show where a model is found."""
    if as_json:
        log.result(asdict(found))
        return
    log.text(f"{found.url}  {found.model or 'model not named'}")
    log.note(f"ready after {found.seconds:.1f} s, process {found.pid}; stop it with Ctrl-C")


def held(found: Held, *, as_json: bool) -> None:
    """Show what a llamafile holds."""
    if as_json:
        log.result(asdict(found))
        return
    log.text(f"{found.file}: {found.kind}, {megabytes(found.size)}")
    rows = [
        (
            model.name, model.title or "-", model.architecture or "-", megabytes(model.size),
            f"{model.offset}{'' if model.mappable else ' (NOT mappable)'}", model.problem or "good",
        )
        for model in found.models
    ]  # fmt: skip
    columns = ("model", "calls itself", "architecture", "size", "at", "verdict")
    if rows:
        log.table("models", columns, rows)
    if found.arguments:
        log.text(f"arguments: {shlex.join(found.arguments)}")


def verdict(found: Verdict) -> None:
    """Show the verdict of a smoke test."""
    rows = [(check.name, "ok" if check.ok else "FAILED", check.detail) for check in found.checks]
    name = f"{found.product}-{found.platform} ({found.layout})"
    log.table(f"smoke test of {name}", ("check", "verdict", "detail"), rows)
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
        log.warning(f"not proven here: {item}")
    if not found.ok:
        log.tail(found.tail)
        log.note(f"the artifact's whole output is in {found.log}")


def _spread(verdict: Verdict) -> str:
    least, median, most = verdict.spread or (0, 0, 0)
    return f"{verdict.rounds} rounds: {least} to {most} ms, median {median} ms"


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"


def kilobytes(size: int) -> str:
    """Return *size* in bytes as text."""
    return f"{size / 1000:.1f} kB"


def megabytes(size: int) -> str:
    """Return *size* in bytes as text."""
    return f"{size / 1e6:.1f} MB"
