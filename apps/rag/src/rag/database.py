"""The SQLite database in the storage folder; the api and the worker share it."""

import sqlite3
from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

FILE_NAME = "rag.db"


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA foreign_keys=ON").close()


def open_engine(storage_path: Path) -> Engine:
    """Return the engine of the database in *storage_path*, which is made if missing."""
    storage_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(storage_path / FILE_NAME)))
    event.listen(engine, "connect", _set_up)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the database of *engine* to the current schema."""
    config = Config()
    scripts = str(resources.files("rag") / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
