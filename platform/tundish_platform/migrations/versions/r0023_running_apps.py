"""Apps that failed again and again and were stopped; of each run what its publisher may know."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_NEW: tuple[tuple[str, sa.types.TypeEngine[Any], str | None], ...] = (
    ("cpu_s", sa.Double(), None),
    ("memory_mb", sa.Integer(), None),
    ("error_type", sa.String(length=60), ""),
    ("error_place", sa.String(length=200), ""),
)


def upgrade() -> None:
    """A table, and four columns of runs."""
    op.create_table(
        "app_halt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("app_version", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("halted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.String(length=200), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="app_halt_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name="app_halt_subscription_id_reference",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="app_halt_key"),
    )  # fmt: skip
    op.create_index("app_halt_tenant_id_index", "app_halt", ["tenant_id"])
    op.create_index("app_halt_subscription_id_index", "app_halt", ["subscription_id"])
    op.create_index("app_halt_by_version", "app_halt", ["app_id", "app_version"])
    protect(op, "app_halt")
    for name, kind, default in _NEW:
        op.add_column("app_run", sa.Column(name, kind, nullable=default is None, server_default=default))


def downgrade() -> None:
    """Apps fail for ever, again."""
    for name, _, _ in reversed(_NEW):
        op.drop_column("app_run", name)
    op.drop_table("app_halt")
