"""Who may ask the control port for what: a pure function over one request (specification §13)."""

from collections.abc import Mapping
from dataclasses import dataclass

# Answered without a token, and then with a status and nothing else, or with a static page.
OPEN = frozenset({"/", "/health", "/livez", "/readyz", "/icon.svg", "/status.css", "/status.js"})
# Where the pages of desktop shells come from (Tauri on macOS and Linux, on Windows).
SHELL_ORIGINS = frozenset(
    {"tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"}
)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do: refused if *status* is not 200; *known* has shown the token."""

    status: int
    reason: str = ""
    known: bool = False


def authorise(
    method: str, path: str, headers: Mapping[str, str], port: int, tokens: tuple[str, ...]
) -> Access:
    """Return what the request may do; header names in lower case.

    The Host is looked at before anything else, so that no name of another's reaches us.
    """
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if headers.get("host") not in hosts:
        return Access(403, "this Host is not served")
    origin = headers.get("origin")
    own = {f"http://{host}" for host in hosts}
    if origin is not None and origin not in own | SHELL_ORIGINS:
        return Access(403, "this Origin may not ask")
    if headers.get("sec-fetch-site") == "cross-site" and origin not in SHELL_ORIGINS:
        return Access(403, "no other site may ask")
    if method == "OPTIONS":  # the question of a browser whether it may ask
        return Access(204 if origin in SHELL_ORIGINS else 403, "this Origin may not ask")
    known = _knows(headers.get("authorization", ""), tokens)
    ticket = method == "POST" and path == "/api/session"  # carries its own proof
    if not known and path not in OPEN and not ticket:
        return Access(401, "the token is missing or wrong")
    if method == "POST" and headers.get("content-type", "").partition(";")[0] != "application/json":
        return Access(415, "send application/json")
    return Access(200, known=known)


def _knows(header: str, tokens: tuple[str, ...]) -> bool:
    if not header:
        return False
    import hmac  # noqa: PLC0415  # with it comes OpenSSL: only for those who show a token

    scheme, _, given = header.partition(" ")
    # Every token is compared: the time tells nothing.
    matches = [hmac.compare_digest(given.encode(), token.encode()) for token in tokens]
    return scheme == "Bearer" and any(matches)
