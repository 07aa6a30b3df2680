"""The first revision."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the one table."""
    op.create_table("things", sa.Column("id", sa.Integer, primary_key=True))
