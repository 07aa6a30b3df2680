"""`/health` names the service that does not work."""

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from argo import chat

if TYPE_CHECKING:
    from apps.argo.tests.conftest import Argo, ModelServer, Serve


def test_all_is_well(argo: "Argo", model: "ModelServer") -> None:
    """With its database and a model server, argo is ok."""
    response = argo.get("/health")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "services": {"database": {"status": "ok"}, "model": {"status": "ok", "detail": model.url}},
    }


def test_server_without_health_page_is_well(argo: "Argo", model: "ModelServer") -> None:
    """A model server without a `/health` path counts as ok."""
    model.health_status = 404
    assert argo.get("/health").json()["status"] == "ok"


@pytest.mark.product("A11")
def test_loading_model_is_degraded(argo: "Argo", model: "ModelServer") -> None:
    """A model server that is still loading is named, with its reason."""
    model.health_status = 503
    response = argo.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    state = response.json()["services"]["model"]
    assert state["status"] == "unreachable"
    assert state["detail"] == f"{model.url}: HTTP 503: Loading model"


@pytest.mark.product("A11")
def test_hanging_model_is_degraded(
    argo: "Argo", model: "ModelServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model server that does not answer in time is not waited for."""
    monkeypatch.setattr(chat, "HEALTH_TIMEOUT", 0.05)
    model.behaviour = "hang"
    state = argo.get("/health").json()["services"]["model"]
    assert state == {"status": "unreachable", "detail": f"{model.url}: ReadTimeout"}


def test_no_model_is_degraded(serve: "Serve") -> None:
    """Without a model server argo still runs, and says what is missing."""
    with serve() as argo:
        response = argo.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["services"]["model"]["status"] == "not configured"


def test_model_is_not_asked_each_time(
    argo: "Argo", model: "ModelServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model server's state is remembered for a moment, then asked for again."""
    for _ in range(3):
        argo.get("/health")
    assert model.health_requests == 1
    monkeypatch.setattr(chat, "HEALTH_CACHE_SECONDS", -1.0)
    argo.get("/health")
    assert model.health_requests == 2


@pytest.mark.product("A11")
def test_broken_database_is_503(argo: "Argo") -> None:
    """A database that cannot be read is 503, in the health and in the conversations."""
    assert argo.get("/health").status_code == 200
    with closing(sqlite3.connect(argo.storage_path / "argo.db")) as connection:
        connection.execute("ALTER TABLE conversation RENAME TO lost")
    health = argo.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "failed")
    assert "no such table: conversation" in health.json()["services"]["database"]["detail"]
    conversations = argo.get("/api/conversations")
    assert (conversations.status_code, conversations.json()["service"]) == (503, "database")
