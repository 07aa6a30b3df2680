"""What the api takes and gives."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _with_zone(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


UtcTime = Annotated[datetime, AfterValidator(_with_zone)]


class ChatRequest(BaseModel):
    """A question, in a new conversation or in *conversation_id*."""

    message: str = Field(min_length=1, max_length=32_768)
    conversation_id: int | None = None
    stream: bool = True
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = None


class Usage(BaseModel):
    """The model server's own token figures; none if it gives none."""

    prompt: int | None = None
    completion: int | None = None


class Done(BaseModel):
    """A stored exchange: the data of the `done` event."""

    conversation_id: int
    message_id: int
    model: str
    tokens: Usage


class ChatAnswer(Done):
    """The whole answer, where no stream was asked for."""

    answer: str


class MessageOut(BaseModel):
    """A stored message."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    role: Literal["user", "assistant"]
    content: str
    tokens: int | None
    created: UtcTime


class ConversationOut(BaseModel):
    """A conversation, without its messages."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    created: UtcTime
    updated: UtcTime


class ConversationWithMessages(ConversationOut):
    """A conversation with its messages, the oldest first."""

    messages: list[MessageOut]


class TokensRequest(BaseModel):
    """A text to count."""

    text: str = Field(max_length=100_000)


class TokensAnswer(BaseModel):
    """The number of tokens in a text."""

    count: int
    encoding: str


class ServiceHealth(BaseModel):
    """How a service that argo needs is."""

    status: Literal["ok", "failed", "unreachable", "not configured"]
    detail: str | None = None


class Services(BaseModel):
    """The services that argo needs."""

    database: ServiceHealth
    model: ServiceHealth


class Health(BaseModel):
    """How argo is: degraded without a model server, failed without its database."""

    status: Literal["ok", "degraded", "failed"]
    services: Services


class Version(BaseModel):
    """What runs here."""

    name: str
    version: str
