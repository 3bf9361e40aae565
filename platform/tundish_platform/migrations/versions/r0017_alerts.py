"""Predictive alerts, and what people say of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")
_TARGET = ["tenant_id", "model", "line", "target"]


def upgrade() -> None:
    """Two new tables."""
    _create_alert()
    _create_feedback()
    for table in ("alert", "alert_feedback"):
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Predictions are signals only, again."""
    op.drop_table("alert_feedback")
    op.drop_table("alert")


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )


def _instants(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def _texts(**lengths: int) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(length=length), nullable=False) for name, length in lengths.items()]


def _create_alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        *_texts(model=60, version=60, line=240, target=60, target_zh=200, target_en=200),
        *_instants("since", "opened_at", "judged_to", "window_start", "window_end", "told_at", "changed_at"),
        *_instants("closed_at", "expected_at", "earliest", "latest", nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        *_texts(label_zh=200, label_en=200, unit=40, sureness=20, check_zh=500, check_en=500),
        *[sa.Column(name, sa.Double(), nullable=True) for name in ("value", "low", "high")],
        *[sa.Column(name, sa.Double(), nullable=False) for name in ("confidence", "completeness")],
        sa.Column("evidence", sa.JSON(), nullable=False),
        *_owned("alert"),
        sa.PrimaryKeyConstraint("id", name="alert_key"),
        sa.UniqueConstraint(*_TARGET, "opened_at", name="alert_tenant_id_model_line_target_opened_at_unique"),
    )
    op.create_index(
        "alert_one_open", "alert", _TARGET, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("alert_by_opening", "alert", ["tenant_id", "opened_at"])


def _create_feedback() -> None:
    op.create_table(
        "alert_feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=False),
        *_texts(verdict=20, note=1_000, currency=3, by=200),
        *_instants("found_at", nullable=True),
        *_instants("at"),
        *[sa.Column(name, sa.Double(), nullable=True) for name in ("lead_s", "avoided_cost")],
        *_owned("alert_feedback"),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.id"], name="alert_feedback_alert_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="alert_feedback_key"),
    )
    op.create_index("alert_feedback_alert_id_index", "alert_feedback", ["alert_id"])
