"""Addresses, redirects and proxies of a download."""

import base64

import pytest

from frostline_runtime.download import http_get
from frostline_runtime.download.http_get import RefusedError


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://a.example/x", ("http", "a.example", 80)),
        ("https://a.example/x", ("https", "a.example", 443)),
        ("http://a.example:8080/", ("http", "a.example", 8080)),
        ("https://me:secret@a.example/", ("https", "a.example", 443)),
        ("http://[::1]:81/", ("http", "::1", 81)),
    ],
)
def test_where_an_address_leads(url: str, origin: tuple[str, str, int]) -> None:
    """Scheme, host and port; the port has a default."""
    assert http_get._origin(url) == origin


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://a.example/x", r"^ftp is not an address that can be fetched \(http, https\)"),
        ("http://", "^http is not an address"), ("a.example/x", "^it is not an address"),
        ("ftp://a.example:21/x", "^ftp is not an address"),
        ("http://a.example:x/", "^it is not an address"), ("http://[::1/", "^it is not"),
    ],
)  # fmt: skip
def test_what_is_no_address(url: str, message: str) -> None:
    """The message names the scheme, if there is one."""
    with pytest.raises(RefusedError, match=message):
        http_get._origin(url)


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("http://a.example/x/y", "/z", "http://a.example/z"),
        ("http://a.example/x/y", "z?q", "http://a.example/x/z?q"),
        ("http://a.example/x", "https://b.example/", "https://b.example/"),
        ("https://a.example/x", "//b.example/", "https://b.example/"),
        ("http://a.example/x", "/f\xc3\xbcr", "http://a.example/für"),
        ("http://a.example/x", "http://[::1/", ""),
    ],
)
def test_where_a_redirect_leads(url: str, location: str, target: str) -> None:
    """Relative addresses count from the old one, and bytes are read as UTF-8."""
    assert http_get._redirected(url, location) == target


@pytest.mark.parametrize("location", ["http://a.example/x", "ftp://a.example/x", "http://[::1/"])
def test_a_redirect_stays_encrypted(location: str) -> None:
    """From https to anything else is refused."""
    with pytest.raises(RefusedError):
        http_get._redirected("https://a.example/", location)


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("", None),
        ("http://proxy.example:3128", ("proxy.example", 3128, "")),
        ("proxy.example:3128", ("proxy.example", 3128, "")),
        ("http://proxy.example", ("proxy.example", 80, "")),
        ("http://me:a%20b@proxy.example:1", ("proxy.example", 1, "me:a b")),
        ("http://:3128", ("", 3128, "")),
        ("http://m%40e@proxy.example:1", ("proxy.example", 1, "m@e:")),
    ],
)
def test_the_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str, expected: tuple[str, int, str] | None
) -> None:
    """It is that of the environment, with its user and password."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "own.example")
    found = http_get._proxy("https", "a.example")
    if not expected:
        assert found is None
        return
    host, port, user = expected
    basic = f"Basic {base64.b64encode(user.encode()).decode()}"
    assert found == (host, port, {"Proxy-Authorization": basic} if user else {})
    assert http_get._proxy("http", "a.example") is None
    assert http_get._proxy("https", "own.example") is None
