"""The endpoints."""

import asyncio
from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from argo import conversations, database, exchange
from argo.defaults import Provider
from argo.errors import ArgoError
from argo.resources import resource
from argo.schemas import (
    ChatAnswer,
    ChatRequest,
    ConversationOut,
    ConversationWithMessages,
    Health,
    ServiceHealth,
    Services,
    TokensAnswer,
    TokensRequest,
    Version,
)
from argo.state import OwnerDep, State, StateDep
from argo.tokens import ENCODING, count_tokens

router = APIRouter()

PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-cache"}
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def _database_health(state: State) -> ServiceHealth:
    try:
        await run_in_threadpool(database.check, state.sessions)
    except ArgoError as error:
        return ServiceHealth(status="failed", detail=error.detail)
    return ServiceHealth(status="ok")


@router.get("/health", response_model_exclude_none=True)
async def get_health(state: StateDep, response: Response) -> Health:
    """Say how argo and its services are: 503 only where argo itself cannot work."""
    database_health, model = await asyncio.gather(_database_health(state), state.model.health())
    services = Services(database=database_health, model=model)
    if database_health.status != "ok":
        response.status_code = 503
        return Health(status="failed", services=services)
    return Health(status="ok" if model.status == "ok" else "degraded", services=services)


@router.post("/api/chat", response_model=ChatAnswer)
async def post_chat(
    request: ChatRequest, state: StateDep, owner: OwnerDep
) -> ChatAnswer | StreamingResponse:
    """Answer a message, as server-sent events unless the request says otherwise."""
    pieces = await exchange.ask(state, owner, request)
    if not request.stream:
        return await exchange.collect(state, owner, request, pieces)
    events = exchange.stream(state, owner, request, pieces)
    return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)


@router.get("/api/conversations")
def get_conversations(state: StateDep, owner: OwnerDep) -> list[ConversationOut]:
    """List the conversations, the last used first."""
    return conversations.list_conversations(state.sessions, owner)


@router.get("/api/conversations/{conversation_id}")
def get_conversation(
    conversation_id: int, state: StateDep, owner: OwnerDep
) -> ConversationWithMessages:
    """Return a conversation with its messages."""
    return conversations.read_conversation(state.sessions, owner, conversation_id)


@router.delete("/api/conversations/{conversation_id}", status_code=204)
def delete_conversation(conversation_id: int, state: StateDep, owner: OwnerDep) -> None:
    """Delete a conversation with its messages."""
    conversations.delete_conversation(state.sessions, owner, conversation_id)


@router.post("/api/tokens")
def post_tokens(request: TokensRequest) -> TokensAnswer:
    """Count the tokens of a text."""
    return TokensAnswer(count=count_tokens(request.text), encoding=ENCODING)


@router.get("/api/providers")
def get_providers(state: StateDep) -> list[Provider]:
    """List the model servers that argo can be pointed at."""
    remote_too = state.settings.use_remote_models
    return [provider for provider in state.providers if remote_too or not provider.remote]


@router.get("/api/version")
def get_version() -> Version:
    """Return argo's name and version, from its installed metadata."""
    return Version(name="argo", version=version("argo"))


@router.get("/", include_in_schema=False)
def get_page() -> FileResponse:
    """Return the web page, which may load nothing from elsewhere."""
    return FileResponse(resource("web", "index.html"), headers=PAGE_HEADERS)
