"""The routes."""

import asyncio
import time
from typing import Annotated

import httpx
from fastapi import APIRouter, HTTPException, Request, Response
from kombu.exceptions import OperationalError
from pydantic import BaseModel, Field
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from rag.embeddings import EmbeddingError, embed, nearness
from rag.models import Document, Piece
from rag.queue import app as queue
from rag.queue import ingest
from rag.settings import Settings

router = APIRouter()
_POLL = 0.05


class NewDocument(BaseModel):
    """A text to be searched later; *wait* is how many seconds to wait for that."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    wait: Annotated[float, Field(ge=0, le=60)] = 0


class Told(BaseModel):
    """What became of a document."""

    id: int
    title: str
    state: str
    reason: str
    pieces: int


class Question(BaseModel):
    """What is looked for."""

    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    limit: Annotated[int, Field(ge=1, le=50)] = 5


class Hit(BaseModel):
    """A piece that is near."""

    document: int
    title: str
    text: str
    nearness: float


@router.post("/documents", status_code=202)
async def add(new: NewDocument, request: Request, response: Response) -> Told:
    """Take a document and queue it; 201 once it is embedded, if somebody waits for it."""
    engine: Engine = request.app.state.engine
    told = await asyncio.to_thread(_store, engine, new)
    end = time.monotonic() + new.wait
    while told.state == "queued" and time.monotonic() < end:
        await asyncio.sleep(_POLL)
        told = await asyncio.to_thread(_told, engine, told.id)
    if told.state == "failed":
        raise HTTPException(503, told.reason)
    if told.state == "ready":
        response.status_code = 201
    return told


@router.get("/documents/{number}")
def state(number: int, request: Request) -> Told:
    """Return what became of a document."""
    return _told(request.app.state.engine, number)


@router.post("/search")
def search(question: Question, request: Request) -> list[Hit]:
    """Return the nearest pieces, the nearest first."""
    settings: Settings = request.app.state.settings
    try:
        (wanted,) = embed(settings.openai_base_url, [question.query])
    except EmbeddingError as error:
        raise HTTPException(503, str(error)) from error
    with Session(request.app.state.engine) as session:
        found = session.execute(select(Piece, Document.title).join(Document)).all()
    hits = [
        Hit(document=p.document_id, title=title, text=p.text, nearness=nearness(wanted, p.vector))
        for p, title in found
    ]
    return sorted(hits, key=lambda hit: -hit.nearness)[: question.limit]


@router.get("/live")
def live() -> dict[str, str]:
    """Say that this process runs."""
    return {"status": "ok"}


@router.get("/health")
def health(request: Request) -> dict[str, object]:
    """Say what works; always 200."""
    problems = _problems(request)
    return {
        "status": "degraded" if any(problems.values()) else "ok",
        "services": {name: problem or "ok" for name, problem in problems.items()},
    }


@router.get("/ready")
def ready(request: Request, response: Response) -> dict[str, object]:
    """Say whether documents can be taken and searched; 503 if not."""
    problems = {name: problem for name, problem in _problems(request).items() if problem}
    response.status_code = 503 if problems else 200
    return {"status": "not ready" if problems else "ok", "problems": problems}


def _store(engine: Engine, new: NewDocument) -> Told:
    with Session(engine) as session:
        document = Document(title=new.title, text=new.text)
        session.add(document)
        session.commit()
        number = document.id
    try:
        ingest.delay(number)
    except OperationalError as error:
        raise HTTPException(503, f"the queue cannot be reached: {error}") from error
    return _told(engine, number)


def _told(engine: Engine, number: int) -> Told:
    with Session(engine) as session:
        document = session.get(Document, number)
        if document is None:
            raise HTTPException(404, f"there is no document {number}")
        return Told(
            id=document.id, title=document.title, state=document.state, reason=document.reason,
            pieces=len(document.pieces),
        )  # fmt: skip


def _problems(request: Request) -> dict[str, str]:
    """Return the problem of each part, "" if it works."""
    settings: Settings = request.app.state.settings
    return {
        "database": _database_problem(request.app.state.engine),
        "queue": _queue_problem(),
        "model": _model_problem(settings),
    }


def _database_problem(engine: Engine) -> str:
    try:
        with Session(engine) as session:
            session.scalars(select(Document.id).limit(1)).first()
    except SQLAlchemyError as error:
        return str(error)
    return ""


def _queue_problem() -> str:
    try:
        with queue.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except OperationalError as error:
        return str(error)
    return ""


def _model_problem(settings: Settings) -> str:
    if settings.openai_base_url is None:
        return "not configured"
    url = f"{str(settings.openai_base_url).rstrip('/')}/models"
    try:
        return "" if httpx.get(url, timeout=2, trust_env=False).is_success else f"{url}: not well"
    except httpx.HTTPError as error:
        return f"{url}: {error}"
