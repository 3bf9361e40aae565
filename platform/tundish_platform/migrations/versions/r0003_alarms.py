"""Alarms: how they stand, what happened to them, and the rules that raise them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three new tables; nothing that was there changes."""
    _create_alarm()
    _create_alarm_event()
    _create_alarm_rule()


def downgrade() -> None:
    """Without alarms again."""
    for name in ("alarm_rule", "alarm_event", "alarm"):
        op.drop_table(name)


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    reference = sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )
    return sa.Column("tenant_id", sa.Integer(), nullable=False), reference


def _create_alarm() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("message_zh", sa.String(length=500), nullable=False),
        sa.Column("message_en", sa.String(length=500), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.Column("shelved_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suppressed", sa.String(length=500), nullable=False),
        sa.Column("out_of_service", sa.String(length=500), nullable=False),
        sa.Column("changed_ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_ts", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_ts", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owed_to_source", sa.Boolean(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        *_owned("alarm"),
        sa.PrimaryKeyConstraint("id", name="alarm_key"),
        sa.UniqueConstraint("tenant_id", "source", "key", name="alarm_tenant_id_source_key_unique"),
    )
    op.create_index("alarm_tenant_id_index", "alarm", ["tenant_id"])
    op.create_index("alarm_by_standing", "alarm", ["tenant_id", "active", "acknowledged"])


def _create_alarm_event() -> None:
    op.create_table(
        "alarm_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alarm_id", sa.Integer(), nullable=False),
        sa.Column("transition", sa.String(length=30), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("comment", sa.String(length=500), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        *_owned("alarm_event"),
        sa.ForeignKeyConstraint(
            ["alarm_id"], ["alarm.id"], name="alarm_event_alarm_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="alarm_event_key"),
        sa.UniqueConstraint(
            "tenant_id", "alarm_id", "transition", "ts",
            name="alarm_event_tenant_id_alarm_id_transition_ts_unique",
        ),
    )  # fmt: skip
    op.create_index("alarm_event_tenant_id_index", "alarm_event", ["tenant_id"])
    op.create_index("alarm_event_alarm_id_index", "alarm_event", ["alarm_id"])
    op.create_index("alarm_event_by_time", "alarm_event", ["tenant_id", "at"])


def _create_alarm_rule() -> None:
    op.create_table(
        "alarm_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("signal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("deadband", sa.Double(), nullable=False),
        sa.Column("on_delay_s", sa.Double(), nullable=False),
        sa.Column("off_delay_s", sa.Double(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("advice_zh", sa.String(length=500), nullable=False),
        sa.Column("advice_en", sa.String(length=500), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("watch_active", sa.Boolean(), nullable=False),
        sa.Column("watch_pending", sa.BigInteger(), nullable=True),
        sa.Column("watch_seen", sa.BigInteger(), nullable=True),
        *_owned("alarm_rule"),
        sa.PrimaryKeyConstraint("id", name="alarm_rule_key"),
    )
    op.create_index("alarm_rule_tenant_id_index", "alarm_rule", ["tenant_id"])
