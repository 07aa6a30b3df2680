"""Vectors for texts, from a server that speaks OpenAI's protocol, such as a llamafile."""

import math
from array import array
from collections.abc import Sequence

import httpx
from pydantic import BaseModel, HttpUrl, ValidationError

_TIMEOUT = httpx.Timeout(60, connect=5)


class EmbeddingError(Exception):
    """There are no vectors; the message says why."""


class _Embedding(BaseModel):
    embedding: list[float]
    index: int


class _Answer(BaseModel):
    data: list[_Embedding]


def embed(base_url: HttpUrl | None, texts: Sequence[str]) -> list[bytes]:
    """Return a vector of length 1 for each of *texts*. Raises EmbeddingError."""
    if base_url is None:
        message = "no model server is configured (OPENAI_BASE_URL)"
        raise EmbeddingError(message)
    url = f"{str(base_url).rstrip('/')}/embeddings"
    try:
        response = httpx.post(
            url, json={"input": [*texts], "model": "local"}, timeout=_TIMEOUT, trust_env=False
        )
        response.raise_for_status()
        answer = _Answer.model_validate_json(response.content)
    except (httpx.HTTPError, ValidationError) as error:
        message = f"the model server gave no vectors: {error}"
        raise EmbeddingError(message) from error
    vectors = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
    if len(vectors) != len(texts):
        message = f"the model server gave {len(vectors)} vectors for {len(texts)} texts"
        raise EmbeddingError(message)
    return [_packed(vector) for vector in vectors]


def _packed(vector: Sequence[float]) -> bytes:
    length = math.hypot(*vector) or 1.0
    return array("f", (number / length for number in vector)).tobytes()


def nearness(one: bytes, other: bytes) -> float:
    """Return the cosine of the angle between two vectors, from -1 to 1."""
    first, second = array("f"), array("f")
    first.frombytes(one)
    second.frombytes(other)
    return math.fsum(a * b for a, b in zip(first, second, strict=True))
