"""Revocation of tokens, and a login throttle by network.

The counts of failed logins restart at zero; they cover one hour at most.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the old counts with the new tables."""
    op.create_table(
        "token_revocations",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "login_buckets",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("clear_at", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "login_origins",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("network", sa.String(64), primary_key=True),
        sa.Column("last", sa.Float, nullable=False),
    )
    op.drop_table("login_failures")


def downgrade() -> None:
    """Restore the old counts."""
    op.create_table(
        "login_failures",
        sa.Column("key", sa.String(160), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last", sa.Float, nullable=False),
    )
    op.drop_table("login_origins")
    op.drop_table("login_buckets")
    op.drop_table("token_revocations")
