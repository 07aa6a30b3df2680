"""Settings: the environment first, then `.env` in the storage folder, then the defaults."""

from pathlib import Path

import pytest
from argo.settings import load_settings
from pydantic import ValidationError


def test_defaults() -> None:
    """Without any setting argo listens on the loopback interface, for one user."""
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.storage_path == Path.home() / ".argo"
    assert settings.openai_base_url is None
    assert (settings.model, settings.predict_limit) == ("local", 256)
    assert (settings.enable_multi_user, settings.use_remote_models) == (False, True)


@pytest.mark.product("A6")
def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` in the storage folder is read, and the environment wins over it."""
    file = tmp_path / ".env"
    file.write_text("ARGO_MODEL=file\nARGO_PORT=1234\nSOMEBODY_ELSES=1\n", encoding="utf-8")
    monkeypatch.setenv("ARGO_STORAGE_PATH", str(tmp_path))
    monkeypatch.setenv("ARGO_PORT", "4321")
    settings = load_settings()
    assert (settings.model, settings.port) == ("file", 4321)


def test_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing counts as not set."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert load_settings().openai_base_url is None


@pytest.mark.parametrize(
    ("name", "value"), [("OPENAI_BASE_URL", "localhost:8080/v1"), ("ARGO_PORT", "99999")]
)
def test_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong value stops the start, and the error names the variable."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name):
        load_settings()


def test_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key does not appear where settings are printed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123")
    assert "sk-123" not in repr(load_settings())
