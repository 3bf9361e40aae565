"""Subscriptions say which process runs their app now, and when it last did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Three columns."""
    op.add_column("subscription", sa.Column("run_holder", sa.String(length=64), nullable=True))
    op.add_column("subscription", sa.Column("run_until", _INSTANT, nullable=True))
    op.add_column("subscription", sa.Column("ran_at", _INSTANT, nullable=True))


def downgrade() -> None:
    """Drop them."""
    for name in ("run_holder", "run_until", "ran_at"):
        op.drop_column("subscription", name)
