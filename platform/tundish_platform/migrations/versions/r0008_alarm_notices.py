"""Telling people of alarms: channels, escalation, messages, contacts, maintenance, and hours of rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NEW = (
    "maintenance_window", "alarm_contact", "notice_delivery", "escalation", "escalation_policy",
    "notice_channel",
)  # fmt: skip


def upgrade() -> None:
    """Six new tables and two columns; rules that were there judge always."""
    op.add_column("alarm", sa.Column("maintenance_id", sa.Integer(), nullable=True))
    op.add_column("alarm_rule", sa.Column("hours", sa.JSON(), nullable=False, server_default="[]"))
    _create_channels()
    _create_policies()
    _create_deliveries()
    _create_maintenance()


def downgrade() -> None:
    """Alarms that nobody is told of, again."""
    for name in _NEW:
        op.drop_table(name)
    op.drop_column("alarm_rule", "hours")
    op.drop_column("alarm", "maintenance_id")


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), _reference(table, "tenant")


def _reference(table: str, target: str, column: str = "") -> sa.ForeignKeyConstraint:
    column = column or f"{target}_id"
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"{table}_{column}_reference", ondelete="CASCADE"
    )


def _changes() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_channels() -> None:
    op.create_table(
        "notice_channel",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("booked_until", sa.DateTime(timezone=True), nullable=True),
        *_changes(),
        *_owned("notice_channel"),
        sa.PrimaryKeyConstraint("id", name="notice_channel_key"),
    )
    op.create_index("notice_channel_tenant_id_index", "notice_channel", ["tenant_id"])
    op.create_table(
        "alarm_contact",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("mail", sa.String(length=254), nullable=False),
        sa.Column("mobile", sa.String(length=20), nullable=False),
        *_owned("alarm_contact"),
        _reference("alarm_contact", "user_account", "user_id"),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name="alarm_contact_key"),
    )
    op.create_index("alarm_contact_tenant_id_index", "alarm_contact", ["tenant_id"])
    op.create_index("alarm_contact_user_id_index", "alarm_contact", ["user_id"])


def _create_policies() -> None:
    op.create_table(
        "escalation_policy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *_changes(),
        *_owned("escalation_policy"),
        sa.PrimaryKeyConstraint("id", name="escalation_policy_key"),
    )
    op.create_index("escalation_policy_tenant_id_index", "escalation_policy", ["tenant_id"])
    op.create_table(
        "escalation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alarm_id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("ended", sa.String(length=30), nullable=False),
        *_owned("escalation"),
        _reference("escalation", "alarm"),
        _reference("escalation", "escalation_policy", "policy_id"),
        sa.PrimaryKeyConstraint("id", name="escalation_key"),
        sa.UniqueConstraint(
            "tenant_id", "alarm_id", "policy_id", "occurrence",
            name="escalation_tenant_id_alarm_id_policy_id_occurrence_unique",
        ),
    )  # fmt: skip
    for column in ("tenant_id", "alarm_id", "policy_id"):
        op.create_index(f"escalation_{column}_index", "escalation", [column])
    op.create_index("escalation_by_state", "escalation", ["tenant_id", "state"])


def _create_deliveries() -> None:
    op.create_table(
        "notice_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("audience", sa.String(length=2000), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault", sa.String(length=30), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("notice_delivery"),
        _reference("notice_delivery", "notice_channel", "channel_id"),
        sa.PrimaryKeyConstraint("id", name="notice_delivery_key"),
        sa.UniqueConstraint("tenant_id", "key", name="notice_delivery_tenant_id_key_unique"),
    )
    op.create_index("notice_delivery_tenant_id_index", "notice_delivery", ["tenant_id"])
    op.create_index("notice_delivery_by_due", "notice_delivery", ["state", "due_at"])
    op.create_index("notice_delivery_by_channel", "notice_delivery", ["channel_id", "state"])


def _create_maintenance() -> None:
    op.create_table(
        "maintenance_window",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=200), nullable=False),
        *_owned("maintenance_window"),
        sa.PrimaryKeyConstraint("id", name="maintenance_window_key"),
    )
    op.create_index("maintenance_window_tenant_id_index", "maintenance_window", ["tenant_id"])
    op.create_index("maintenance_window_ends_at_index", "maintenance_window", ["ends_at"])
