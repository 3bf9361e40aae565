"""The log of published figures: publications, figures, signed heads, and what their evidence commits to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four tables above tenants."""
    op.create_table(
        "publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_version", sa.String(length=40), nullable=False),
        sa.Column("moment", _INSTANT, nullable=False),
        sa.Column("published_at", _INSTANT, nullable=False),
        sa.Column("published_by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("evidence", sa.String(length=64), nullable=False),
        sa.Column("padding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="publication_key"),
    )
    op.create_index("publication_rule_version_index", "publication", ["rule_version"])
    op.create_table(
        "published_figure",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        _publication("published_figure"),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("industry", sa.String(length=5), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("leaf", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="published_figure_key"),
    )
    op.create_index("published_figure_publication_id_index", "published_figure", ["publication_id"])
    op.create_index("published_figure_by_cell", "published_figure", ["name", "region", "industry", "number"])
    _heads_and_evidence()


def downgrade() -> None:
    """Nothing is published."""
    for table in ("evidence_opening", "log_head", "published_figure", "publication"):
        op.drop_table(table)


def _heads_and_evidence() -> None:
    op.create_table(
        "log_head",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("size", name="log_head_key"),
    )
    op.create_table(
        "evidence_opening",
        sa.Column("id", sa.Integer(), nullable=False),
        _publication("evidence_opening"),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="evidence_opening_key"),
    )
    op.create_index("evidence_opening_publication_id_index", "evidence_opening", ["publication_id"])
    op.create_index("evidence_opening_uscc_index", "evidence_opening", ["uscc"])


def _publication(table: str) -> sa.Column[int]:
    name = f"{table}_publication_id_reference"
    return sa.Column(
        "publication_id", sa.Integer(), sa.ForeignKey("publication.id", name=name), nullable=False
    )
