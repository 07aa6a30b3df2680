"""Asks a service whether it answers."""

import json
from dataclasses import dataclass

from frostline_runtime.manifest import Probe

_BODY_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe found; *detail* says why it is not healthy."""

    healthy: bool
    detail: str = ""


def ask(probe: Probe, port: int) -> Verdict:
    """Return the verdict of one request to 127.0.0.1:*port*; no proxy, no redirect."""
    import http.client  # noqa: PLC0415  # costs 15 ms, and the services are being started meanwhile

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=probe.timeout)
    try:
        connection.request(probe.method, probe.path, headers={"Connection": "close"})
        response = connection.getresponse()
        return judge(probe, response.status, response.read(_BODY_LIMIT))
    except (OSError, http.client.HTTPException) as error:
        return Verdict(healthy=False, detail=str(error) or type(error).__name__)
    finally:
        connection.close()


def judge(probe: Probe, status: int, body: bytes) -> Verdict:
    """Return the verdict on an answer with *status* and *body*."""
    if status not in probe.statuses:
        kind = "not yet" if status in probe.not_yet else "unexpected"
        return Verdict(healthy=False, detail=f"{kind}: {probe.path} answered {status}")
    if not probe.pointer:
        return Verdict(healthy=True)
    try:
        found = resolve_pointer(json.loads(body), probe.pointer)
    except (ValueError, LookupError):
        return Verdict(healthy=False, detail=f"{probe.path} has no {probe.pointer}")
    if str(found) == probe.equals:
        return Verdict(healthy=True)
    return Verdict(healthy=False, detail=f"{probe.path}: {probe.pointer} is {found!r}")


def resolve_pointer(document: object, pointer: str) -> object:
    """Return what the JSON *pointer* (RFC 6901) names in *document*. Raises LookupError."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            if not key.isdigit():
                raise LookupError(pointer)  # one error for all that is not there
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value[key]
        else:
            raise LookupError(pointer)  # noqa: TRY004  # one error for all that is not there
    return value
