"""What the running app holds, from its start to its stop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from string import Template
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import sessionmaker

from argo.chat import ModelServer, open_client
from argo.conversations import Sessions
from argo.database import migrate, open_engine
from argo.defaults import Defaults, Provider, load_defaults, load_providers, load_system_prompt
from argo.errors import ArgoError
from argo.settings import Settings

USER_HEADER = "X-Forwarded-User"


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that requests share."""

    settings: Settings
    defaults: Defaults
    system_prompt: Template
    providers: tuple[Provider, ...]
    sessions: Sessions
    model: ModelServer


@asynccontextmanager
async def open_state(settings: Settings) -> AsyncIterator[State]:
    """Migrate and open the database, and read argo's own files."""
    engine = open_engine(settings.storage_path)
    try:
        migrate(engine)
        async with open_client(settings) as client:
            yield State(
                settings=settings,
                defaults=load_defaults(),
                system_prompt=load_system_prompt(),
                providers=load_providers(),
                sessions=sessionmaker(engine),
                model=ModelServer(settings, client),
            )
    finally:
        engine.dispose()


def get_state(request: Request) -> State:
    """Return the state of the app that serves *request*."""
    state: State = request.app.state.argo
    return state


StateDep = Annotated[State, Depends(get_state)]


def get_owner(request: Request, state: StateDep) -> str:
    """Return whose conversations *request* may see; a proxy in front says who asks."""
    if not state.settings.enable_multi_user:
        return ""
    user = request.headers.get(USER_HEADER)
    if not user:
        raise ArgoError(401, f"ENABLE_MULTI_USER is set, but {USER_HEADER} is not")
    return user


OwnerDep = Annotated[str, Depends(get_owner)]
