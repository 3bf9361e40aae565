"""Jobs: what workers are asked for, whose turn it is, and what is asked for again and again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NEW = ("job_schedule", "job", "job_turn")


def upgrade() -> None:
    """Three new tables."""
    _create_schedule()
    _create_job()
    op.create_table(
        "job_turn",
        sa.Column("served", sa.BigInteger(), nullable=False),
        *_owned("job_turn"),
        sa.PrimaryKeyConstraint("tenant_id", name="job_turn_key"),
    )
    for table in _NEW:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Nobody is asked for anything, again."""
    for table in reversed(_NEW):
        op.drop_table(table)


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )


def _create_schedule() -> None:
    op.create_table(
        "job_schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("cron", sa.String(length=100), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("job_schedule"),
        sa.PrimaryKeyConstraint("id", name="job_schedule_key"),
    )
    op.create_index("job_schedule_next_at_index", "job_schedule", ["next_at"])


def _create_job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.String(length=40), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("words_zh", sa.String(length=200), nullable=False),
        sa.Column("words_en", sa.String(length=200), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("failure_zh", sa.String(length=400), nullable=False),
        sa.Column("failure_en", sa.String(length=400), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.String(length=200), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=True),
        *_owned("job"),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["job_schedule.id"], name="job_schedule_id_reference", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="job_key"),
    )
    op.create_index("job_by_state", "job", ["tenant_id", "state", "id"])
    op.create_index("job_by_lease", "job", ["state", "lease_until"])
    op.create_index("job_schedule_id_index", "job", ["schedule_id"])
