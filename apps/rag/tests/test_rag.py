"""Documents are stored and searched; what does not work is reported with its reason."""

from pathlib import Path

import httpx
import pytest
from rag.embeddings import EmbeddingError, embed, nearness
from rag.pieces import cut
from rag.queue import create_queue
from rag.settings import Settings

TEXT = "The frost comes from the north. An engine has a wheel, and a wheel turns. Water runs."


@pytest.mark.usefixtures("model_server")
def test_a_document_is_found_again(client: httpx.Client) -> None:
    """A search returns the nearest piece first, with the title of its document."""
    document = {"title": "Things", "text": TEXT * 5, "wait": 5}
    added = client.post("/documents", json=document)
    assert (added.status_code, added.json()["state"]) == (201, "ready")
    assert added.json()["pieces"] > 1
    assert client.get(f"/documents/{added.json()['id']}").json() == added.json()
    hits = client.post("/search", json={"query": "wheel engine", "limit": 1}).json()
    assert [hit["title"] for hit in hits] == ["Things"]
    assert "wheel" in hits[0]["text"]


@pytest.mark.product("R7")
def test_without_a_model_server(client: httpx.Client) -> None:
    """Documents, searches and `/health` report that no model server is configured."""
    added = client.post("/documents", json={"title": "x", "text": TEXT, "wait": 1})
    assert added.status_code == 503
    assert "OPENAI_BASE_URL" in added.json()["detail"]
    assert client.get("/documents/1").json()["state"] == "failed"
    assert client.post("/search", json={"query": "x"}).status_code == 503
    assert client.get("/live").json() == {"status": "ok"}
    assert client.get("/health").json()["services"]["model"] == "not configured"
    assert client.get("/ready").status_code == 503


@pytest.mark.product("R7")
@pytest.mark.usefixtures("model_server")
def test_ready(client: httpx.Client) -> None:
    """`/ready` is 200 with a database, a queue and a model server."""
    assert client.get("/ready").json() == {"status": "ok", "problems": {}}
    assert client.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    "document",
    [
        {}, {"title": "", "text": "x"}, {"title": "x", "text": ""},
        {"title": "x", "text": "y", "wait": 99},
    ],
)  # fmt: skip
def test_what_cannot_be_taken(client: httpx.Client, document: dict[str, object]) -> None:
    """An invalid document is refused with 422 and not stored."""
    assert client.post("/documents", json=document).status_code == 422
    assert client.get("/documents/1").status_code == 404


def test_pieces() -> None:
    """Pieces are whole sentences, not longer than allowed, and together the whole text."""
    assert cut(TEXT, 1000) == [TEXT]
    pieces = cut(TEXT, 50)
    assert all(len(piece) <= 50 for piece in pieces)
    assert "".join(pieces).replace(" ", "") == TEXT.replace(" ", "")
    assert cut("x" * 120, 50) == ["x" * 50, "x" * 50, "x" * 20]
    assert cut(" \n\n ", 50) == []


def test_vectors(model_server: str) -> None:
    """Vectors have length 1 and the order of the texts."""
    settings = Settings(OPENAI_BASE_URL=model_server)
    frost, wheel = embed(settings.openai_base_url, ["frost", "wheel"])
    assert nearness(frost, frost) == pytest.approx(1)
    assert nearness(frost, wheel) < 0.1


def test_a_model_server_that_is_away() -> None:
    """An unreachable model server raises EmbeddingError."""
    settings = Settings(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    with pytest.raises(EmbeddingError, match="the model server gave no vectors"):
        embed(settings.openai_base_url, ["x"])


def test_the_queue(tmp_path: Path) -> None:
    """The queue is a folder in the storage unless a broker is configured."""
    own = create_queue(Settings(RAG_STORAGE_PATH=tmp_path))
    assert own.conf.broker_url == "filesystem://"
    assert (tmp_path / "queue" / "messages").is_dir()
    other = create_queue(Settings(RAG_BROKER_URL="redis://127.0.0.1/1"))
    assert other.conf.broker_url == "redis://127.0.0.1/1"
    assert "data_folder_in" not in other.conf.broker_transport_options
