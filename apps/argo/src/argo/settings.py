"""Settings from the environment, and from `.env` in the storage folder."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an administrator may change; each field names its environment variable."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", populate_by_name=True)

    host: str = Field("127.0.0.1", validation_alias="ARGO_HOST")
    port: int = Field(8000, validation_alias="ARGO_PORT", ge=0, le=65535)
    storage_path: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.argo"), validation_alias="ARGO_STORAGE_PATH", validate_default=True
    )
    openai_base_url: HttpUrl | None = Field(None, validation_alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    model: str = Field("local", validation_alias="ARGO_MODEL")
    predict_limit: int = Field(256, validation_alias="ARGO_PREDICT_LIMIT", ge=1)
    temperature: float = Field(0.7, validation_alias="ARGO_TEMPERATURE", ge=0, le=2)
    enable_multi_user: bool = Field(default=False, validation_alias="ENABLE_MULTI_USER")
    use_remote_models: bool = Field(default=True, validation_alias="USE_REMOTE_MODELS")


def load_settings() -> Settings:
    """Read the environment, then what it leaves open from `.env` in the storage folder."""
    storage_path = Settings().storage_path
    return Settings(_env_file=storage_path / ".env", storage_path=storage_path)
