"""Suspicions of ghost connections, for the bureau's inspections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table, filled by the next look."""
    op.create_table(
        "suspicion",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("risk", sa.Double(), nullable=False),
        sa.Column("signals", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name="suspicion_enterprise_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("enterprise_id", "reason", name="suspicion_key"),
    )


def downgrade() -> None:
    """What was found is found again by the next look of a later version."""
    op.drop_table("suspicion")
