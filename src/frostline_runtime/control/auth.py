"""Decides what a request to the control port may do (docs/supervisor.md §13)."""

from collections.abc import Mapping
from dataclasses import dataclass

# Answered without a token: with the status only, or with a static file of the status page.
OPEN = frozenset({"/", "/health", "/livez", "/readyz", "/icon.svg", "/status.css", "/status.js"})
# The origins of pages in a Tauri application: on macOS and Linux, and on Windows.
SHELL_ORIGINS = frozenset(
    {"tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"}
)


@dataclass(frozen=True, slots=True)
class Access:
    """The decision: a *status* other than 200 refuses; *known* tells that the token was right."""

    status: int
    reason: str = ""
    known: bool = False


def authorise(
    method: str, path: str, headers: Mapping[str, str], port: int, tokens: tuple[str, ...]
) -> Access:
    """Return what a request may do; header names are in lower case.

    Host is checked first, against DNS rebinding.
    """
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if headers.get("host") not in hosts:
        return Access(403, "this Host is not allowed")
    origin = headers.get("origin")
    own = {f"http://{host}" for host in hosts}
    if origin is not None and origin not in own | SHELL_ORIGINS:
        return Access(403, "this Origin is not allowed")
    if headers.get("sec-fetch-site") == "cross-site" and origin not in SHELL_ORIGINS:
        return Access(403, "requests from other sites are not allowed")
    if method == "OPTIONS":  # a CORS preflight request
        return Access(204 if origin in SHELL_ORIGINS else 403, "this Origin is not allowed")
    known = _knows(headers.get("authorization", ""), tokens)
    ticket = method == "POST" and path == "/api/session"  # the ticket in the body is the proof
    if not known and path not in OPEN and not ticket:
        return Access(401, "the token is missing or wrong")
    if method == "POST" and headers.get("content-type", "").partition(";")[0] != "application/json":
        return Access(415, "send application/json")
    return Access(200, known=known)


def _knows(header: str, tokens: tuple[str, ...]) -> bool:
    if not header:
        return False
    import hmac  # noqa: PLC0415  # it imports OpenSSL: only for requests with a token

    scheme, _, given = header.partition(" ")
    # Every token is compared, so that the time does not tell which one was close.
    matches = [hmac.compare_digest(given.encode(), token.encode()) for token in tokens]
    return scheme == "Bearer" and any(matches)
