"""Chat: answers, streamed and whole, and what happens when the model server fails."""

import socket
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

if TYPE_CHECKING:
    from apps.argo.tests.conftest import Argo, ModelServer, Serve

TOKENS = {"prompt": 12, "completion": 3}
FAILURES = [
    ("load", "HTTP 503: Loading model"),
    ("break", 'HTTP 500: "a proxy\'s page"'),
    ("fail", "out of memory"),
    ("babble", "it does not speak the OpenAI protocol"),
]


@pytest.mark.product("A11")
def test_streams_the_answer_as_events(argo: "Argo", model: "ModelServer") -> None:
    """The pieces of the answer come as tokens, and the end names what was stored."""
    events = argo.stream_events("Hi")
    assert events[:-1] == [("token", {"text": piece}) for piece in model.pieces]
    done = {"conversation_id": 1, "message_id": 2, "model": "tiny", "tokens": TOKENS}
    assert events[-1] == ("done", done)


@pytest.mark.product("A11")
def test_passes_on_each_piece_at_once(argo: "Argo", model: "ModelServer") -> None:
    """The first piece arrives while the model still works on the second."""
    model.behaviour = "pause"
    with argo.stream("POST", "/api/chat", json={"message": "Hi"}) as response:
        blocks = response.iter_text()
        first = next(blocks)
        model.release.set()
        rest = "".join(blocks)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert first == 'event: token\ndata: {"text":"first"}\n\n'
    assert '{"text":" second"}' in rest


def test_answers_whole_without_stream(argo: "Argo") -> None:
    """Without a stream the answer is one JSON object with the model server's token figures."""
    response = argo.ask()
    assert response.status_code == 200
    assert response.json() == {
        "conversation_id": 1,
        "message_id": 2,
        "answer": "Hello there",
        "model": "tiny",
        "tokens": TOKENS,
    }


def test_asks_with_the_settings(serve: "Serve", model: "ModelServer") -> None:
    """The model's name, the key, the limit and the temperature come from the settings."""
    with serve(
        openai_base_url=model.url + "/",
        openai_api_key=SecretStr("secret"),
        model="tinyllama",
        predict_limit=7,
        temperature=0.1,
    ) as argo:
        argo.ask()
    request = model.requests[0]
    assert (request["model"], request["max_tokens"], request["temperature"]) == (
        "tinyllama",
        7,
        0.1,
    )
    assert request["stream_options"] == {"include_usage": True}
    assert "seed" not in request
    assert model.authorization == "Bearer secret"


def test_request_chooses_temperature_and_seed(argo: "Argo", model: "ModelServer") -> None:
    """A request's own temperature and seed win over the settings."""
    argo.ask(temperature=0, seed=42)
    assert (model.requests[0]["temperature"], model.requests[0]["seed"]) == (0, 42)


def test_sends_the_history(argo: "Argo", model: "ModelServer") -> None:
    """A second question is sent with the system prompt and the exchange before it."""
    argo.ask("One")
    argo.ask("Two", conversation_id=1)
    system, *rest = model.requests[1]["messages"]
    assert system["role"] == "system"
    assert system["content"].startswith("You are Argo,")
    assert [(message["role"], message["content"]) for message in rest] == [
        ("user", "One"),
        ("assistant", "Hello there"),
        ("user", "Two"),
    ]


def test_keeps_unusual_line_separators(argo: "Argo", model: "ModelServer") -> None:
    """Line separators of Unicode inside the answer do not break it apart."""
    model.pieces = ["a\u2028b\x85c", "d\n\ne"]
    events = argo.stream_events("Hi")
    assert [data["text"] for name, data in events if name == "token"] == model.pieces


def test_stores_an_empty_answer(argo: "Argo", model: "ModelServer") -> None:
    """An empty answer is no error."""
    model.pieces = []
    assert [name for name, _ in argo.stream_events("Hi")] == ["done"]


@pytest.mark.product("A11")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("behaviour", "reason"), FAILURES)
def test_failure_before_the_answer_is_503(
    argo: "Argo", model: "ModelServer", behaviour: str, reason: str, *, stream: bool
) -> None:
    """A model server that fails before its first token gives 503 with a reason, nothing stored."""
    model.behaviour = behaviour
    response = argo.ask(stream=stream)
    detail = f"the model server at {model.url} is not reachable: {reason}"
    assert response.status_code == 503
    assert response.json() == {"detail": detail, "service": "model"}
    assert argo.get("/api/conversations").json() == []


@pytest.mark.product("A11")
def test_absent_model_server_is_503(serve: "Serve") -> None:
    """A model server that cannot be reached gives 503 with its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with serve(openai_base_url=url) as argo:
        response = argo.ask(stream=True)
    assert response.status_code == 503
    assert response.json()["detail"].startswith(f"the model server at {url} is not reachable: ")
    assert response.json()["service"] == "model"


def test_unset_model_server_is_503(serve: "Serve") -> None:
    """Without a model server, the answer says which setting is missing."""
    with serve() as argo:
        response = argo.ask()
    assert response.status_code == 503
    assert "OPENAI_BASE_URL" in response.json()["detail"]


def test_refusal_is_502(argo: "Argo", model: "ModelServer") -> None:
    """A request that the model server refuses is not reported as unreachable."""
    model.behaviour = "refuse"
    response = argo.ask()
    assert response.status_code == 502
    assert response.json()["detail"].endswith("refused the request: HTTP 400: the context is full")


@pytest.mark.product("A11")
@pytest.mark.parametrize("behaviour", ["die", "cut"])
def test_failure_within_the_answer_is_an_event(
    argo: "Argo", model: "ModelServer", behaviour: str
) -> None:
    """An answer that ends half-way is an error event, and neither half of it is stored."""
    argo.ask("One")
    model.behaviour = behaviour
    events = argo.stream_events("Two", conversation_id=1)
    assert [name for name, _ in events] == ["token", "error"]
    assert "is not reachable" in str(events[1][1]["detail"])
    assert len(argo.get("/api/conversations/1").json()["messages"]) == 2


def test_failure_within_a_whole_answer_is_503(argo: "Argo", model: "ModelServer") -> None:
    """Without a stream, an answer that ends half-way is 503."""
    model.behaviour = "die"
    assert argo.ask().status_code == 503
    assert argo.get("/api/conversations").json() == []


def test_lets_go_of_the_model_when_the_client_leaves(argo: "Argo", model: "ModelServer") -> None:
    """A client that disconnects stops the model's work, and nothing is stored."""
    model.behaviour = "flood"
    with argo.stream("POST", "/api/chat", json={"message": "Hi"}) as response:
        next(response.iter_text())
    assert model.abandoned.wait(5)
    assert argo.get("/api/conversations").json() == []


def test_conversation_deleted_meanwhile_is_an_event(argo: "Argo", model: "ModelServer") -> None:
    """A conversation that is deleted while the model answers is not written to."""
    argo.ask("One")
    model.behaviour = "pause"
    body = {"message": "Two", "conversation_id": 1}
    with argo.stream("POST", "/api/chat", json=body) as response:
        argo.delete("/api/conversations/1")
        model.release.set()
        text = response.read().decode()
    assert text.endswith('event: error\ndata: {"detail":"there is no conversation 1"}\n\n')
    assert argo.get("/api/conversations").json() == []


@pytest.mark.parametrize("message", ["", "x" * 32_769])
def test_refuses_messages_of_the_wrong_length(argo: "Argo", message: str) -> None:
    """A message has between one and 32k characters."""
    assert argo.ask(message).status_code == 422


def test_unknown_conversation_is_404(argo: "Argo", model: "ModelServer") -> None:
    """A question in a conversation that does not exist never reaches the model."""
    assert argo.ask(conversation_id=7).status_code == 404
    assert model.requests == []
