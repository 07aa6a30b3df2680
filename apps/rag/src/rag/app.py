"""The application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from rag.api import router
from rag.database import migrate, open_engine
from rag.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the app; without *settings* they are read when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings or load_settings()
        app.state.engine = open_engine(app.state.settings.storage_path)
        migrate(app.state.engine)
        yield
        app.state.engine.dispose()

    # Without the pages of the api's documentation: they load scripts from elsewhere.
    app = FastAPI(title="rag", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(router)
    return app


app = create_app()
