"""The SQLite database in the storage folder."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from argo.errors import ArgoError
from argo.models import Conversation
from argo.resources import resource

FILE_NAME = "argo.db"
FAILURES = (SQLAlchemyError, sqlite3.Error)


class MigrationError(Exception):
    """The database cannot be used by this version of argo."""


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin in _begin, not where sqlite3 guesses
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA foreign_keys=ON").close()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once if another wrote in between:
    # each takes the write lock at its start, waits for its turn, and covers schema changes too.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def open_engine(storage_path: Path) -> Engine:
    """Return the engine of the database in *storage_path*, which is made if missing."""
    storage_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(storage_path / FILE_NAME)))
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the database of *engine* to the current schema, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(resource("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (*FAILURES, CommandError) as error:
        message = f"the database {engine.url.database} cannot be migrated, argo stops: {error}"
        raise MigrationError(message) from error


@contextmanager
def transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """Run a block in one transaction; the database's failures become a 503."""
    try:
        with sessions.begin() as session:
            yield session
    except FAILURES as error:
        reason = f"the database failed: {error}"
        raise ArgoError(503, reason, service="database") from error


def check(sessions: sessionmaker[Session]) -> None:
    """Read from the database, or raise the reason why it cannot be read."""
    with transaction(sessions) as session:
        session.scalars(select(Conversation.id).limit(1)).first()
