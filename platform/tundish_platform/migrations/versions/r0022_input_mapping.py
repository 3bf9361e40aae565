"""Which signals a person confirmed as the inputs of an app."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One new table."""
    op.create_table(
        "input_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("input_key", sa.String(length=60), nullable=False),
        sa.Column("signal_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("semantic", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="input_mapping_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="input_mapping_key"),
        sa.UniqueConstraint(
            "tenant_id", "app_id", "input_key", "signal_id",
            name="input_mapping_tenant_id_app_id_input_key_signal_id_unique",
        ),
    )  # fmt: skip
    op.create_index("input_mapping_tenant_id_index", "input_mapping", ["tenant_id"])
    protect(op, "input_mapping")


def downgrade() -> None:
    """Apps read again whatever fits of their grants."""
    op.drop_table("input_mapping")
