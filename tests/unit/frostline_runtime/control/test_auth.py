"""Access to the control port (row G1)."""

import pytest

from frostline_runtime.control.auth import authorise

HOST = {"host": "127.0.0.1:80"}
TOKEN = {"authorization": "Bearer secret"}
JSON = {"content-type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/health", HOST, 200),
        ("GET", "/health", {"host": "localhost:80"}, 200),
        ("GET", "/health", {"host": "[::1]:80"}, 200),
        ("GET", "/health", {}, 403),
        ("GET", "/health", {"host": "127.0.0.1"}, 403),
        ("GET", "/health", {"host": "127.0.0.1:81"}, 403),
        ("GET", "/health", {"host": "rebound.example:80"}, 403),
        ("GET", "/health", HOST | {"origin": "http://127.0.0.1:80"}, 200),
        ("GET", "/health", HOST | {"origin": "tauri://localhost"}, 200),
        ("GET", "/health", HOST | {"origin": "http://evil.example"}, 403),
        ("GET", "/health", HOST | {"origin": "null"}, 403),
        ("GET", "/health", HOST | {"origin": ""}, 403),
        ("GET", "/health", HOST | {"sec-fetch-site": "cross-site"}, 403),
        ("GET", "/health", HOST | {"origin": "https://tauri.localhost"}, 200),
        (
            "GET", "/health",
            HOST | {"sec-fetch-site": "cross-site", "origin": "tauri://localhost"}, 200,
        ),
        *(
            ("GET", path, HOST, 200)
            for path in ("/", "/livez", "/readyz", "/icon.svg", "/status.css", "/status.js")
        ),
        ("GET", "/metrics", HOST, 401),
        ("GET", "/metrics", HOST | TOKEN, 200),
        ("GET", "/metrics", HOST | {"authorization": "Bearer Secret"}, 401),
        ("GET", "/metrics", HOST | {"authorization": "Basic secret"}, 401),
        ("GET", "/metrics", HOST | {"authorization": "Bearer"}, 401),
        ("GET", "/metrics", HOST | {"authorization": "Bearer ünï"}, 401),
        ("GET", "/unknown", HOST, 401),
        ("POST", "/health", HOST | TOKEN, 415),
        ("POST", "/api/stop", HOST | JSON, 401),
        ("POST", "/api/stop", HOST | TOKEN | JSON, 200),
        ("POST", "/api/stop", HOST | TOKEN | {"content-type": "text/plain"}, 415),
        ("POST", "/api/session", HOST | JSON, 200),
        ("GET", "/api/session", HOST, 401),
        ("OPTIONS", "/api/stop", HOST | {"origin": "tauri://localhost"}, 204),
        ("OPTIONS", "/api/stop", HOST, 403),
    ],
)  # fmt: skip
def test_access(method: str, path: str, headers: dict[str, str], status: int) -> None:
    """Host, Origin and site are checked first, then the token, then the content type."""
    assert authorise(method, path, headers, 80, ("secret", "session")).status == status


def test_known() -> None:
    """A public path is answered without the token, but the client is not `known`."""
    assert not authorise("GET", "/health", HOST, 80, ("secret",)).known
    assert authorise("GET", "/health", HOST | TOKEN, 80, ("secret",)).known
    assert not authorise("GET", "/health", TOKEN, 80, ("secret",)).known


def test_only_a_refusal_has_a_reason() -> None:
    """The reason says what is wrong, and is empty where nothing is."""
    assert authorise("GET", "/health", HOST, 80, ("secret",)).reason == ""
    assert authorise("GET", "/metrics", HOST, 80, ("secret",)).reason.startswith("the token")
