"""The program: argo under uvicorn."""

import logging

import uvicorn

from argo.app import create_app
from argo.settings import load_settings

SHUTDOWN_SECONDS = 5


def main() -> None:
    """Serve argo until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(name)s: %(message)s")
    settings = load_settings()
    # The app itself, not its name: a frozen program cannot look modules up in a folder.
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()
