"""Alembic's environment: rag's own connection at start, a new one on the command line."""

import logging

from alembic import context
from rag.database import open_engine
from rag.models import Base
from rag.settings import load_settings
from sqlalchemy import Connection


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


_shared: Connection | None = context.config.attributes.get("connection")
if _shared is None:
    logging.basicConfig(level=logging.INFO)
    _engine = open_engine(load_settings().storage_path)
    with _engine.begin() as _own:
        _run(_own)
    _engine.dispose()
else:
    _run(_shared)
