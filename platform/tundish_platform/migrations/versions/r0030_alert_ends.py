"""Alerts say why they were closed where no model's word closed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column."""
    op.add_column(
        "alert", sa.Column("closed_because", sa.String(length=40), nullable=False, server_default="")
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("alert", "closed_because")
