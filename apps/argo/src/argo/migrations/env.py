"""Alembic's environment: argo's own connection at start, a new one on the command line."""

import logging

from alembic import context
from sqlalchemy import Connection

from argo.database import open_engine
from argo.models import Base
from argo.settings import load_settings


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run_from_command_line() -> None:
    logging.basicConfig(level=logging.INFO)
    engine = open_engine(load_settings().storage_path)
    with engine.begin() as connection:
        _run(connection)
    engine.dispose()


_shared: Connection | None = context.config.attributes.get("connection")
if _shared is None:
    _run_from_command_line()
else:
    _run(_shared)
