"""One question and its answer: from the request to the stored exchange."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from argo.chat import Completion, Sampling
from argo.conversations import ChatMessage, Exchange, read_history, store_exchange
from argo.defaults import system_prompt
from argo.errors import ArgoError
from argo.schemas import ChatAnswer, ChatRequest, Done
from argo.state import State

Pieces = AsyncGenerator[str | Completion]


class _Token(BaseModel):
    text: str


class _Error(BaseModel):
    detail: str


async def _prompt(state: State, owner: str, request: ChatRequest) -> list[ChatMessage]:
    today = datetime.now(UTC).astimezone().date()
    system = system_prompt(state.system_prompt, state.defaults, today)
    history: list[ChatMessage] = []
    if request.conversation_id is not None:
        history = await run_in_threadpool(
            read_history,
            state.sessions,
            owner,
            request.conversation_id,
            state.defaults.history_messages,
        )
    return [
        ChatMessage(role="system", content=system),
        *history,
        ChatMessage(role="user", content=request.message),
    ]


async def _prepend(first: str | Completion, rest: Pieces) -> Pieces:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def ask(state: State, owner: str, request: ChatRequest) -> Pieces:
    """Ask the model; return once it has begun to answer, so that refusals are still an error."""
    prompt = await _prompt(state, owner, request)
    sampling = Sampling(temperature=request.temperature, seed=request.seed)
    pieces = state.model.answer(prompt, sampling)
    return _prepend(await anext(pieces), pieces)


async def _store(state: State, owner: str, request: ChatRequest, completion: Completion) -> Done:
    exchange = Exchange(
        owner=owner,
        conversation_id=request.conversation_id,
        title=" ".join(request.message.split())[: state.defaults.title_length],
        question=request.message,
        answer=completion.text,
        tokens=completion.tokens,
    )
    conversation_id, message_id = await run_in_threadpool(store_exchange, state.sessions, exchange)
    return Done(
        conversation_id=conversation_id,
        message_id=message_id,
        model=completion.model,
        tokens=completion.tokens,
    )


def _event(name: str, data: BaseModel) -> str:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n"


async def stream(
    state: State, owner: str, request: ChatRequest, pieces: Pieces
) -> AsyncIterator[str]:
    """Yield the answer as server-sent events; the exchange is stored before `done`."""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, str):
                    yield _event("token", _Token(text=piece))
                else:
                    yield _event("done", await _store(state, owner, request, piece))
    except ArgoError as error:
        yield _event("error", _Error(detail=error.detail))


async def collect(state: State, owner: str, request: ChatRequest, pieces: Pieces) -> ChatAnswer:
    """Return the answer as a whole, stored."""
    completion = [piece async for piece in pieces if isinstance(piece, Completion)][-1]
    done = await _store(state, owner, request, completion)
    return ChatAnswer(answer=completion.text, **dict(done))
