"""Alembic runs this file; nothing imports it."""

from logging.config import fileConfig  # noqa: F401  # imported by nothing else

from alembic import context

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
