"""Answers kept for requests that are sent again with the same idempotency key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table."""
    op.create_table(
        "kept_answer",
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("media", sa.String(length=120), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="kept_answer_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key_digest", name="kept_answer_key"),
    )
    op.create_index("kept_answer_tenant_id_index", "kept_answer", ["tenant_id"])
    op.create_index("kept_answer_by_age", "kept_answer", ["tenant_id", "begun_at"])


def downgrade() -> None:
    """Without them, a repeated request is carried out again."""
    op.drop_table("kept_answer")
