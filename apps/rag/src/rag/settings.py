"""Settings from the environment."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an administrator may change; each field names its environment variable."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", populate_by_name=True)

    storage_path: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.rag"), validation_alias="RAG_STORAGE_PATH", validate_default=True
    )
    broker_url: str = Field("", validation_alias="RAG_BROKER_URL")
    openai_base_url: HttpUrl | None = Field(None, validation_alias="OPENAI_BASE_URL")
    piece_length: int = Field(400, validation_alias="RAG_PIECE_LENGTH", ge=50)


def load_settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
