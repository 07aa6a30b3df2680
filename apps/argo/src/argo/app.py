"""The application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from argo.api import router
from argo.errors import ArgoError
from argo.resources import resource
from argo.settings import Settings, load_settings
from argo.state import open_state


async def _tell(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ArgoError):
        raise error
    return JSONResponse(error.body(), status_code=error.status)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the app; without *settings* they are read when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_state(settings or load_settings()) as state:
            app.state.argo = state
            yield

    # Without the pages of the api's documentation: they load scripts from elsewhere.
    app = FastAPI(title="argo", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_exception_handler(ArgoError, _tell)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=resource("web")))
    return app


app = create_app()
