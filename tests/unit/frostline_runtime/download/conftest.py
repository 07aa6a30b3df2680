"""Downloads of tests are their own: no proxy or certificate of this machine."""

import pytest


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no proxy and no certificates in the environment."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
