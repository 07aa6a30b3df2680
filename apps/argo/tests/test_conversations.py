"""Conversations: listed, read, deleted, and kept apart."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import HttpUrl

if TYPE_CHECKING:
    from apps.argo.tests.conftest import Argo, ModelServer, Serve


@pytest.mark.product("A11")
def test_conversations_outlive_the_server(serve: "Serve", model: "ModelServer") -> None:
    """A conversation is there again after a restart, with both of its messages."""
    with serve(openai_base_url=HttpUrl(model.url)) as argo:
        argo.ask("Hi")
    with serve() as argo:
        messages = argo.get("/api/conversations/1").json()["messages"]
    assert [(m["role"], m["content"], m["tokens"]) for m in messages] == [
        ("user", "Hi", 12),
        ("assistant", "Hello there", 3),
    ]


def test_lists_the_last_used_first(argo: "Argo") -> None:
    """The list begins with the conversation that was used last."""
    for message in ("One", "Two"):
        argo.ask(message)
    argo.ask("More of one", conversation_id=1)
    titles = [conversation["title"] for conversation in argo.get("/api/conversations").json()]
    assert titles == ["One", "Two"]


def test_title_is_the_first_question_in_one_line(argo: "Argo") -> None:
    """A long question of several lines gives a short title of one line."""
    argo.ask("What\n  is\tthis? " + "x" * 100)
    title = argo.get("/api/conversations").json()[0]["title"]
    assert title == "What is this? " + "x" * 46


def test_times_are_utc(argo: "Argo") -> None:
    """Times are given with their zone."""
    argo.ask()
    created = datetime.fromisoformat(argo.get("/api/conversations").json()[0]["created"])
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_deletes_a_conversation_with_its_messages(argo: "Argo") -> None:
    """A deleted conversation is gone, and its number is not given to another."""
    argo.ask()
    assert argo.delete("/api/conversations/1").status_code == 204
    assert argo.get("/api/conversations/1").status_code == 404
    done = argo.ask().json()
    assert (done["conversation_id"], done["message_id"]) == (2, 4)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_conversation_is_404(argo: "Argo", method: str) -> None:
    """A conversation that does not exist is named in the answer."""
    response = argo.request(method, "/api/conversations/7")
    assert response.status_code == 404
    assert response.json() == {"detail": "there is no conversation 7"}


def test_many_at_once_are_all_stored(argo: "Argo") -> None:
    """Questions asked at the same time in one conversation are all stored."""
    argo.ask()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: argo.ask(str(n), conversation_id=1), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(argo.get("/api/conversations/1").json()["messages"]) == 34


def test_users_are_kept_apart(serve: "Serve", model: "ModelServer") -> None:
    """With several users, each sees only the conversations of the proxy's user header."""
    ann, bob = {"X-Forwarded-User": "ann"}, {"X-Forwarded-User": "bob"}
    with serve(openai_base_url=HttpUrl(model.url), enable_multi_user=True) as argo:
        argo.post("/api/chat", json={"message": "Hi", "stream": False}, headers=ann)
        assert argo.get("/api/conversations").status_code == 401
        assert len(argo.get("/api/conversations", headers=ann).json()) == 1
        assert argo.get("/api/conversations", headers=bob).json() == []
        assert argo.get("/api/conversations/1", headers=bob).status_code == 404
