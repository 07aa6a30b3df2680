"""Asks a service whether it answers, and judges the answer."""

import json
import socket
from dataclasses import dataclass

from frostline_runtime.artifact.json_pointer import resolve_pointer
from frostline_runtime.artifact.loopback import INSTANCE_HEADER, request
from frostline_runtime.artifact.manifest import Probe
from frostline_runtime.supervision.looplag import LAG_TIMEOUT

LONGEST_BLOCK = 60.0


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe has found: *alive* is any answer at all, *healthy* the expected one.

    *detail* says why it is not healthy. *certain* means that it is not alive and that another
    probe could not change that. *lag* is how long its event loop has been blocked, None if
    that is not known.
    """

    healthy: bool
    alive: bool = True
    detail: str = ""
    certain: bool = False
    lag: float | None = None


def ask(probe: Probe, port: int, instance: str = "") -> ProbeResult:
    """Return the result of *probe* at 127.0.0.1:*port*.

    An answer that names another instance than *instance* comes from another artifact.
    """
    if probe.kind == "tcp":
        return _connect(port, probe.timeout)
    try:
        answer = request(probe.method, probe.path, port, probe.timeout)
    except (OSError, ValueError) as error:
        detail = f"{probe.path}: {str(error) or type(error).__name__}"
        return ProbeResult(healthy=False, alive=False, detail=detail)
    said = answer.headers.get(INSTANCE_HEADER.lower(), instance)
    if instance and said != instance:
        return ProbeResult(
            healthy=False, alive=False, detail=f"{probe.path}: answered by another instance"
        )
    return judge(probe, answer.status, answer.body)


def apply_lag(result: ProbeResult, lag: float | None) -> ProbeResult:
    """Return that the service is alive but busy if its event loop has been blocked for *lag*.

    Return *result* if the loop is not blocked, or has been for so long that it will not go on.
    """
    if result.alive or result.certain or lag is None or not LAG_TIMEOUT <= lag <= LONGEST_BLOCK:
        return result
    detail = f"busy: its event loop has been blocked for {lag:.1f} s"
    return ProbeResult(healthy=False, detail=detail)


def _connect(port: int, timeout: float) -> ProbeResult:
    try:
        socket.create_connection(("127.0.0.1", port), timeout).close()
    except OSError as error:
        return ProbeResult(healthy=False, alive=False, detail=f"port {port}: {error}")
    return ProbeResult(healthy=True)


def judge(probe: Probe, status: int, body: bytes) -> ProbeResult:
    """Return whether an answer with *status* and *body* is what *probe* expects."""
    if status not in probe.statuses:
        kind = "not yet" if status in probe.not_yet else "unexpected"
        return ProbeResult(healthy=False, detail=f"{kind}: {probe.path} answered {status}")
    if not probe.pointer:
        return ProbeResult(healthy=True)
    try:
        found = resolve_pointer(json.loads(body), probe.pointer)
    except (ValueError, LookupError):
        return ProbeResult(healthy=False, detail=f"{probe.path} has no {probe.pointer}")
    if str(found) == probe.equals:
        return ProbeResult(healthy=True)
    return ProbeResult(healthy=False, detail=f"{probe.path}: {probe.pointer} is {found!r}")
