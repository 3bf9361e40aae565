"""Figures of the programme by month, its targets, and external facts with their documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four new tables above tenants."""
    _months()
    op.create_table(
        "programme_target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("industry", sa.String(length=5), nullable=False),
        sa.Column("park", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("entered_by", sa.String(length=200), nullable=False),
        sa.Column("entered_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="programme_target_key"),
        sa.UniqueConstraint(
            "year", "stage", "kind", "region", "industry", "park", "version",
            name="programme_target_scope_unique",
        ),
    )  # fmt: skip
    _external()


def downgrade() -> None:
    """Months can be frozen again from what the store still holds; targets and documents are gone."""
    for table in ("external_fact", "programme_target", "programme_series", "frozen_month"):
        op.drop_table(table)


def _months() -> None:
    op.create_table(
        "frozen_month",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("basis", sa.String(length=40), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("frozen_at", _INSTANT, nullable=False),
        sa.Column("enterprises", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", name="frozen_month_key"),
    )
    op.create_table(
        "programme_series",
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("computed_at", _INSTANT, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("stages", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("rule_version", name="programme_series_key"),
    )


def _external() -> None:
    op.create_table(
        "external_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("entered_by", sa.String(length=200), nullable=False),
        sa.Column("entered_at", _INSTANT, nullable=False),
        sa.Column("withdrawn_at", _INSTANT, nullable=True),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=True),
        sa.Column("withdrawn_because", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name="external_fact_enterprise_id_reference",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="external_fact_key"),
    )  # fmt: skip
    op.create_index("external_fact_enterprise_id_index", "external_fact", ["enterprise_id"])
