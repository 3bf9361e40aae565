"""Consents of enterprises, by use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_STANDS = sa.text("withdrawn_at IS NULL")


def upgrade() -> None:
    """One table of tenants."""
    op.create_table(
        "share_consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("version", sa.String(length=10), nullable=False),
        sa.Column("given_at", _INSTANT, nullable=False),
        sa.Column("given_by", sa.String(length=200), nullable=False),
        sa.Column("withdrawn_at", _INSTANT, nullable=True),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="share_consent_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="share_consent_key"),
    )
    op.create_index("share_consent_tenant_id_index", "share_consent", ["tenant_id"])
    op.create_index(
        "share_consent_standing", "share_consent", ["tenant_id", "purpose"], unique=True,
        sqlite_where=_STANDS, postgresql_where=_STANDS,
    )  # fmt: skip
    protect(op, "share_consent")


def downgrade() -> None:
    """Nobody agreed to anything."""
    op.drop_table("share_consent")
