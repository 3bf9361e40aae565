"""Plans, pauses and histories of subscriptions; statements, vouchers, invoices; removal of apps' outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NEW = (
    "subscription_change",
    "statement",
    "voucher",
    "voucher_redemption",
    "invoice",
    "signal_removal",
)
# What was subscribed to before has a history, too: it began, and perhaps it ended.
_BEGAN = """
INSERT INTO subscription_change
  (subscription_id, at, "by", act, running, plan, plan_kind, fen, detail, tenant_id)
SELECT id, started_at, started_by, 'started', true, plan, plan_kind, fen, '{}', tenant_id
FROM subscription ORDER BY id
"""
_ENDED = """
INSERT INTO subscription_change
  (subscription_id, at, "by", act, running, plan, plan_kind, fen, detail, tenant_id)
SELECT id, stopped_at, COALESCE(stopped_by, ''), 'cancelled', false, plan, plan_kind, fen, '{}', tenant_id
FROM subscription WHERE stopped_at IS NOT NULL ORDER BY id
"""


def upgrade() -> None:
    """Six new tables; subscriptions tell what their plan charges, whether they pause, and their trial."""
    op.execute("ALTER TABLE subscription RENAME COLUMN fen_per_month TO fen")
    op.add_column(
        "subscription", sa.Column("plan_kind", sa.String(length=20), nullable=False, server_default="free")
    )
    op.execute("UPDATE subscription SET plan_kind = plan")
    op.add_column("subscription", sa.Column("paused_at", _INSTANT, nullable=True))
    op.add_column("subscription", sa.Column("trial_until", _INSTANT, nullable=True))
    op.add_column("grant_", sa.Column("withdrawn_by", sa.String(length=200), nullable=True))
    _change()
    _statement()
    _voucher()
    _redemption()
    _invoice()
    _removal()
    for table in _NEW:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
    op.execute(_BEGAN)
    op.execute(_ENDED)
    for table in _NEW:
        protect(op, table)


def downgrade() -> None:
    """Money and histories go."""
    for table in reversed(_NEW):
        op.drop_table(table)
    op.drop_column("grant_", "withdrawn_by")
    for column in ("trial_until", "paused_at", "plan_kind"):
        op.drop_column("subscription", column)
    op.execute("ALTER TABLE subscription RENAME COLUMN fen TO fen_per_month")


def _change() -> None:
    op.create_table(
        "subscription_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("plan", sa.String(length=20), nullable=False),
        sa.Column("plan_kind", sa.String(length=20), nullable=False),
        sa.Column("fen", sa.Integer(), nullable=False),
        sa.Column("trial_until", _INSTANT, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        _of("subscription_change", "subscription"),
        *_owned("subscription_change"),
        sa.PrimaryKeyConstraint("id", name="subscription_change_key"),
    )
    op.create_index(
        "subscription_change_by_subscription", "subscription_change", ["tenant_id", "subscription_id", "id"]
    )
    op.create_index("subscription_change_subscription_id_index", "subscription_change", ["subscription_id"])


def _statement() -> None:
    op.create_table(
        "statement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=False),
        sa.Column("issued_by", sa.String(length=200), nullable=False),
        sa.Column("total_fen", sa.Integer(), nullable=False),
        sa.Column("carried_fen", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        *_owned("statement"),
        sa.PrimaryKeyConstraint("id", name="statement_key"),
        sa.UniqueConstraint("tenant_id", "number", name="statement_tenant_id_number_unique"),
        sa.UniqueConstraint("tenant_id", "month", name="statement_tenant_id_month_unique"),
    )


def _voucher() -> None:
    op.create_table(
        "voucher",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("left_fen", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("apps", sa.JSON(), nullable=False),
        sa.Column("industries", sa.JSON(), nullable=False),
        sa.Column("purpose", sa.String(length=400), nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=False),
        sa.Column("issued_by", sa.String(length=200), nullable=False),
        *_owned("voucher"),
        sa.CheckConstraint("left_fen >= 0 AND left_fen <= amount_fen", name="voucher_left"),
        sa.CheckConstraint("amount_fen > 0 AND valid_from <= valid_to", name="voucher_sound"),
        sa.PrimaryKeyConstraint("id", name="voucher_key"),
        sa.UniqueConstraint("code", name="voucher_code_unique"),
    )


def _redemption() -> None:
    op.create_table(
        "voucher_redemption",
        sa.Column("voucher_id", sa.Integer(), nullable=False),
        sa.Column("statement_id", sa.Integer(), nullable=False),
        sa.Column("fen", sa.Integer(), nullable=False),
        _of("voucher_redemption", "voucher"),
        _of("voucher_redemption", "statement"),
        *_owned("voucher_redemption"),
        sa.CheckConstraint("fen > 0", name="voucher_redemption_positive"),
        sa.PrimaryKeyConstraint("voucher_id", "statement_id", name="voucher_redemption_key"),
    )
    op.create_index("voucher_redemption_statement_id_index", "voucher_redemption", ["statement_id"])


def _invoice() -> None:
    op.create_table(
        "invoice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("statement_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("drafted_at", _INSTANT, nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=True),
        sa.Column("settled_at", _INSTANT, nullable=True),
        sa.Column("settled_by", sa.String(length=200), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("asked", sa.String(length=400), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("credit_number", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        _of("invoice", "statement"),
        *_owned("invoice"),
        sa.CheckConstraint("fen > 0", name="invoice_positive"),
        sa.PrimaryKeyConstraint("id", name="invoice_key"),
        sa.UniqueConstraint("tenant_id", "number", name="invoice_tenant_id_number_unique"),
        sa.UniqueConstraint("tenant_id", "credit_number", name="invoice_tenant_id_credit_number_unique"),
        sa.UniqueConstraint("statement_id", name="invoice_statement_id_unique"),
    )
    op.create_index("invoice_by_state", "invoice", ["state", "id"])


def _removal() -> None:
    op.create_table(
        "signal_removal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("asked_at", _INSTANT, nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("done_at", _INSTANT, nullable=True),
        *_owned("signal_removal"),
        sa.PrimaryKeyConstraint("id", name="signal_removal_key"),
    )
    op.create_index("signal_removal_done_at_index", "signal_removal", ["done_at"])


def _of(table: str, other: str) -> SchemaItem:
    return sa.ForeignKeyConstraint(
        [f"{other}_id"], [f"{other}.id"], name=f"{table}_{other}_id_reference", ondelete="CASCADE"
    )


def _owned(table: str) -> tuple[SchemaItem, ...]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )
