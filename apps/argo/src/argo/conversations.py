"""Conversations in the database; all functions here block."""

from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from argo.database import transaction
from argo.errors import ArgoError
from argo.models import Conversation, Message, utc_now
from argo.schemas import ConversationOut, ConversationWithMessages, Usage

Sessions = sessionmaker[Session]


class ChatMessage(TypedDict):
    """A message as the model server takes it."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A question and its complete answer, in a new conversation if *conversation_id* is none."""

    owner: str
    conversation_id: int | None
    title: str
    question: str
    answer: str
    tokens: Usage


def _find(session: Session, owner: str, conversation_id: int) -> Conversation:
    found = session.get(Conversation, conversation_id)
    if found is None or found.owner != owner:
        raise ArgoError(404, f"there is no conversation {conversation_id}")
    return found


def read_history(
    sessions: Sessions, owner: str, conversation_id: int, limit: int
) -> list[ChatMessage]:
    """Return the latest *limit* messages of a conversation, the oldest first."""
    latest = select(Message).where(Message.conversation_id == conversation_id)
    with transaction(sessions) as session:
        _find(session, owner, conversation_id)
        rows = session.scalars(latest.order_by(Message.id.desc()).limit(limit)).all()
        return [ChatMessage(role=row.role, content=row.content) for row in reversed(rows)]


def store_exchange(sessions: Sessions, exchange: Exchange) -> tuple[int, int]:
    """Store *exchange* whole; return the ids of its conversation and of the answer."""
    question = Message(role="user", content=exchange.question, tokens=exchange.tokens.prompt)
    answer = Message(role="assistant", content=exchange.answer, tokens=exchange.tokens.completion)
    with transaction(sessions) as session:
        if exchange.conversation_id is None:
            conversation = Conversation(owner=exchange.owner, title=exchange.title)
            session.add(conversation)
        else:
            conversation = _find(session, exchange.owner, exchange.conversation_id)
        conversation.messages += [question, answer]
        conversation.updated = utc_now()
        session.flush()
        return conversation.id, answer.id


def list_conversations(sessions: Sessions, owner: str) -> list[ConversationOut]:
    """Return the conversations of *owner*, the last used first."""
    query = select(Conversation).where(Conversation.owner == owner)
    with transaction(sessions) as session:
        rows = session.scalars(query.order_by(Conversation.updated.desc(), Conversation.id.desc()))
        return [ConversationOut.model_validate(row) for row in rows]


def read_conversation(
    sessions: Sessions, owner: str, conversation_id: int
) -> ConversationWithMessages:
    """Return a conversation with its messages."""
    with transaction(sessions) as session:
        found = _find(session, owner, conversation_id)
        return ConversationWithMessages.model_validate(found)


def delete_conversation(sessions: Sessions, owner: str, conversation_id: int) -> None:
    """Delete a conversation with its messages."""
    with transaction(sessions) as session:
        session.delete(_find(session, owner, conversation_id))
