"""The database: migrated at start, in one transaction, and from the command line."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import CommandLine
from alembic.migration import MigrationContext
from argo.database import FILE_NAME, MigrationError, migrate, open_engine
from argo.models import Base
from argo.resources import resource
from sqlalchemy import Engine, text

HEAD = "0002"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open an empty database, in a folder whose name needs care."""
    engine = open_engine(tmp_path / "50% of #1?")
    yield engine
    engine.dispose()


def version(engine: Engine) -> str | None:
    """Return the version of the schema."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@pytest.mark.product("A10")
def test_migrations_make_what_the_models_say(engine: Engine) -> None:
    """After all migrations the tables are those of the models."""
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.product("A10")
def test_migrating_again_changes_nothing(engine: Engine) -> None:
    """A start with a current database leaves it alone."""
    migrate(engine)
    migrate(engine)
    assert version(engine) == HEAD


@pytest.mark.product("A10")
def test_old_conversations_are_kept(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversation of the first version survives the way to the newest."""
    storage_path = Path(str(engine.url.database)).parent
    monkeypatch.setenv("ARGO_STORAGE_PATH", str(storage_path))
    monkeypatch.chdir(tmp_path)
    CommandLine().main(["-c", str(resource("alembic.ini")), "upgrade", "0001"])
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO conversation VALUES (1, 'Old', '2025-01-01', '2025-01-01')")
        )
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT title, owner FROM conversation")).one() == (
            "Old",
            "",
        )


def test_command_line_goes_down_and_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alembic command finds the database by ARGO_STORAGE_PATH, and every step back works."""
    monkeypatch.setenv("ARGO_STORAGE_PATH", str(Path(str(engine.url.database)).parent))
    migrate(engine)
    CommandLine().main(["-c", str(resource("alembic.ini")), "downgrade", "base"])
    assert version(engine) is None
    CommandLine().main(["-c", str(resource("alembic.ini")), "upgrade", "head"])
    assert version(engine) == HEAD


def test_failed_migration_leaves_nothing_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails half-way is undone whole, and the next start can try again."""
    with monkeypatch.context() as patch:
        patch.setattr(op, "add_column", lambda *_: op.execute("SELECT * FROM nowhere"))
        with pytest.raises(MigrationError, match="no such table: nowhere"):
            migrate(engine)
    assert version(engine) is None
    migrate(engine)
    assert version(engine) == HEAD


def test_newer_database_is_refused(engine: Engine) -> None:
    """A database of a newer argo is left alone."""
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MigrationError, match="9999"):
        migrate(engine)


def test_storage_is_private(engine: Engine) -> None:
    """The storage folder is made for its owner only, and the database keeps a write-ahead log."""
    storage_path = Path(str(engine.url.database)).parent
    migrate(engine)
    assert storage_path.stat().st_mode & 0o077 in {0, 0o077}  # Windows has no such modes
    with closing(sqlite3.connect(storage_path / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
