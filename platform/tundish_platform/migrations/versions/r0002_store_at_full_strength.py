"""Segments with sequence ranges and checksums, the first level, policies, retention and removals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Segments written before have their rows' own sequence column: they are of another form and must go.

    The first heat was never released; who tried it imports the recordings again.
    """
    op.execute(sa.text("DELETE FROM segment"))
    op.execute(sa.text("DELETE FROM sealed_up_to"))
    with op.batch_alter_table("segment") as table:
        table.add_column(sa.Column("min_sequence", sa.BigInteger(), nullable=False))
        table.add_column(sa.Column("crc32", sa.BigInteger(), nullable=False))
        table.add_column(sa.Column("damaged", sa.Boolean(), nullable=False))
        table.add_column(sa.Column("expired", sa.Boolean(), nullable=False))
    op.create_table(
        "first_level",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("max_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="first_level_key"),
        sa.UniqueConstraint("name", name="first_level_name_unique"),
    )
    op.create_table(
        "retired_segment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="retired_segment_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="retired_segment_key"),
    )
    op.create_index("retired_segment_tenant_id_index", "retired_segment", ["tenant_id"])
    op.create_table(
        "log_fence",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition", name="log_fence_key"),
    )
    _create_store_policy()
    _create_retention_record()
    _create_tenant_removal()


def downgrade() -> None:
    """Back to rows with sequences: no segment can be kept."""
    for table_name in (
        "tenant_removal",
        "retention_record",
        "store_policy",
        "retired_segment",
        "log_fence",
        "first_level",
    ):
        op.drop_table(table_name)
    op.execute(sa.text("DELETE FROM segment"))
    op.execute(sa.text("DELETE FROM sealed_up_to"))
    with op.batch_alter_table("segment") as table:
        table.drop_column("expired")
        table.drop_column("damaged")
        table.drop_column("crc32")
        table.drop_column("min_sequence")


def _create_store_policy() -> None:
    op.create_table(
        "store_policy",
        sa.Column("rows_per_s", sa.Double(), nullable=True),
        sa.Column("burst_rows", sa.BigInteger(), nullable=True),
        sa.Column("max_bytes", sa.BigInteger(), nullable=True),
        sa.Column("query_s_per_min", sa.Double(), nullable=True),
        sa.Column("raw_days", sa.Integer(), nullable=True),
        sa.Column("rollup_60_days", sa.Integer(), nullable=True),
        sa.Column("rollup_3600_days", sa.Integer(), nullable=True),
        sa.Column("legal_hold", sa.Boolean(), nullable=False),
        sa.Column("hold_reason", sa.String(length=500), nullable=False),
        sa.Column("hold_by", sa.String(length=200), nullable=False),
        sa.Column("hold_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="store_policy_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="store_policy_key"),
    )
    op.create_index("store_policy_tenant_id_index", "store_policy", ["tenant_id"])


def _create_retention_record() -> None:
    op.create_table(
        "retention_record",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pending", sa.JSON(), nullable=False),
        sa.Column("unfinished", sa.Boolean(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="retention_record_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "day", "level", name="retention_record_key"),
    )
    op.create_index("retention_record_tenant_id_index", "retention_record", ["tenant_id"])
    op.create_index("retention_record_unfinished_index", "retention_record", ["unfinished"])


def _create_tenant_removal() -> None:
    op.create_table(
        "tenant_removal",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("slug_digest", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("started_by", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="tenant_removal_key"),
    )
    op.create_index("tenant_removal_tenant_id_index", "tenant_removal", ["tenant_id"])
