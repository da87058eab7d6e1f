"""Predicted rows with feedback, and how much feedback each client has sent."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "feedback_rows",
        sa.Column("receipt", sa.String(24), primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("expires", sa.Integer, nullable=False),
    )
    op.create_index("ix_feedback_rows_expires", "feedback_rows", ["expires"])
    op.create_table(
        "feedback_usage",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("feedback_usage")
    op.drop_index("ix_feedback_rows_expires", "feedback_rows")
    op.drop_table("feedback_rows")
