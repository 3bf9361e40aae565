"""Annotations: notes on stretches of time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0037"
down_revision = "0035"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """One new table."""
    op.create_table(
        "annotation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="annotation_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="annotation_key"),
    )
    op.create_index("annotation_by_path", "annotation", ["tenant_id", "path", "starts_at"])
    op.create_index("annotation_tenant_id_index", "annotation", ["tenant_id"])
    protect(op, "annotation")


def downgrade() -> None:
    """Charts have no notes."""
    op.drop_table("annotation")
