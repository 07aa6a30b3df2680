"""The model server: streamed answers over the OpenAI protocol, and its health."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

from argo.conversations import ChatMessage
from argo.errors import ArgoError
from argo.schemas import ServiceHealth, Usage
from argo.settings import Settings

TIMEOUT = httpx.Timeout(120, connect=5)
HEALTH_TIMEOUT = 1.0
HEALTH_CACHE_SECONDS = 2.0
SERVER_ERROR = 500
END = b"[DONE]"


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Error(BaseModel):
    message: str


class _Chunk(BaseModel):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    model: str | None = None
    error: _Error | None = None


class _ErrorBody(BaseModel):
    error: _Error


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A complete answer."""

    text: str
    model: str
    tokens: Usage


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How an answer is chosen; none leaves it to the settings or the server."""

    temperature: float | None = None
    seed: int | None = None


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _message(body: bytes) -> str:
    try:
        return _ErrorBody.model_validate_json(body).error.message
    except ValidationError:
        return body.decode(errors="replace").strip()[:200]


async def _data_lines(response: httpx.Response) -> AsyncIterator[bytes]:
    # Not aiter_lines: it also splits at U+2028 and the like, which JSON strings may contain.
    rest = b""
    async for block in response.aiter_bytes():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()


class _Collector:
    """Gathers the chunks of one answer."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.tokens = Usage()
        self.complete = False
        self._texts: list[str] = []

    def add(self, chunk: _Chunk) -> str:
        """Take in *chunk* and return its text."""
        text = "".join(choice.delta.content or "" for choice in chunk.choices)
        self._texts.append(text)
        self.complete |= any(choice.finish_reason for choice in chunk.choices)
        self.model = chunk.model or self.model
        if chunk.usage:
            self.tokens = Usage(
                prompt=chunk.usage.prompt_tokens, completion=chunk.usage.completion_tokens
            )
        return text

    def completion(self) -> Completion:
        """Return the whole answer."""
        return Completion(text="".join(self._texts), model=self.model, tokens=self.tokens)


class ModelServer:
    """The model server of the settings, or none."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client
        self._url = str(settings.openai_base_url).rstrip("/") if settings.openai_base_url else None
        self._health: tuple[float, ServiceHealth] | None = None
        self._health_lock = asyncio.Lock()

    async def answer(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> AsyncGenerator[str | Completion]:
        """Yield the pieces of the answer to *messages* as they come, then the completion."""
        if self._url is None:
            reason = "no model server is configured: set OPENAI_BASE_URL"
            raise ArgoError(503, reason, service="model")
        request = self._client.build_request(
            "POST", f"{self._url}/chat/completions", json=self._body(messages, sampling)
        )
        try:
            response = await self._client.send(request, stream=True)
            async with aclosing(response):
                await self._check_status(response)
                collector = _Collector(self._settings.model)
                async for chunk in self._chunks(response):
                    if text := collector.add(chunk):
                        yield text
        except httpx.HTTPError as error:
            raise self._unreachable(_reason(error)) from error
        if not collector.complete:
            reason = "it ended its answer early"
            raise self._unreachable(reason)
        yield collector.completion()

    async def health(self) -> ServiceHealth:
        """Return whether the model server answers; the result may be two seconds old."""
        if self._url is None:
            return ServiceHealth(status="not configured", detail="OPENAI_BASE_URL is not set")
        async with self._health_lock:
            if self._health is None or time.monotonic() - self._health[0] > HEALTH_CACHE_SECONDS:
                state = await self._ask_health(self._url)
                self._health = time.monotonic(), state
            return self._health[1]

    async def _ask_health(self, url: str) -> ServiceHealth:
        # Any answer below 500 shows that a server runs there: not every server has this path.
        try:
            response = await self._client.get(
                url.removesuffix("/v1") + "/health", timeout=HEALTH_TIMEOUT
            )
        except httpx.HTTPError as error:
            return ServiceHealth(status="unreachable", detail=f"{url}: {_reason(error)}")
        if response.status_code >= SERVER_ERROR:
            detail = f"{url}: HTTP {response.status_code}: {_message(response.content)}"
            return ServiceHealth(status="unreachable", detail=detail)
        return ServiceHealth(status="ok", detail=url)

    def _body(self, messages: Sequence[ChatMessage], sampling: Sampling) -> dict[str, object]:
        temperature = sampling.temperature
        body: dict[str, object] = {
            "model": self._settings.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": self._settings.predict_limit,
            "temperature": self._settings.temperature if temperature is None else temperature,
        }
        return body | ({} if sampling.seed is None else {"seed": sampling.seed})

    async def _check_status(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        reason = f"HTTP {response.status_code}: {_message(await response.aread())}"
        if response.status_code >= SERVER_ERROR:
            raise self._unreachable(reason)
        detail = f"the model server at {self._url} refused the request: {reason}"
        raise ArgoError(502, detail, service="model")

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[_Chunk]:
        async for data in _data_lines(response):
            if data == END:
                return
            try:
                chunk = _Chunk.model_validate_json(data)
            except ValidationError as error:
                reason = "it does not speak the OpenAI protocol"
                raise self._unreachable(reason) from error
            if chunk.error:
                raise self._unreachable(chunk.error.message)
            yield chunk

    def _unreachable(self, reason: str) -> ArgoError:
        detail = f"the model server at {self._url} is not reachable: {reason}"
        return ArgoError(503, detail, service="model")


def open_client(settings: Settings) -> httpx.AsyncClient:
    """Return a client with the key of the *settings*; proxies are those of the environment."""
    key = settings.openai_api_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    return httpx.AsyncClient(timeout=TIMEOUT, headers=headers)
