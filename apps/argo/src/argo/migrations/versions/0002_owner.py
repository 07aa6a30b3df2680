"""An owner for each conversation, for several users."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Move to this version."""
    op.add_column(
        "conversation", sa.Column("owner", sa.String(), nullable=False, server_default="")
    )
    op.create_index("ix_conversation_owner", "conversation", ["owner"])


def downgrade() -> None:
    """Move back to the version before."""
    op.drop_index("ix_conversation_owner", "conversation")
    op.drop_column("conversation", "owner")
