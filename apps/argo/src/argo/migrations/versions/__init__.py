"""One module a version; alembic loads them by path."""
