"""Contracts: what sources promise of their signals, in versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two new tables; all signals that there are stay raw."""
    op.create_table(
        "signal_contract",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("signal_contract"),
        sa.PrimaryKeyConstraint("id", name="signal_contract_key"),
        sa.UniqueConstraint(
            "tenant_id", "name", "version", name="signal_contract_tenant_id_name_version_unique"
        ),
    )
    op.create_table(
        "contract_term",
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("semantic", sa.String(length=120), nullable=False),
        sa.Column("period_s", sa.Double(), nullable=True),
        *_owned("contract_term"),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["signal_contract.id"], name="contract_term_contract_id_reference",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contract_id", "path", name="contract_term_key"),
    )  # fmt: skip
    op.create_index("contract_term_by_path", "contract_term", ["tenant_id", "path"])
    for table in ("signal_contract", "contract_term"):
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """All signals are raw, again."""
    op.drop_table("contract_term")
    op.drop_table("signal_contract")


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )
