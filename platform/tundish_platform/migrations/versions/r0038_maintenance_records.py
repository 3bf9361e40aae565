"""Maintenance records: what was done on machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """One new table."""
    op.create_table(
        "maintenance_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("done_by", sa.String(length=200), nullable=False),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="maintenance_record_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="maintenance_record_key"),
    )
    op.create_index("maintenance_record_by_path", "maintenance_record", ["tenant_id", "path", "started_at"])
    op.create_index("maintenance_record_tenant_id_index", "maintenance_record", ["tenant_id"])
    protect(op, "maintenance_record")


def downgrade() -> None:
    """Nobody knows what was done on machines."""
    op.drop_table("maintenance_record")
