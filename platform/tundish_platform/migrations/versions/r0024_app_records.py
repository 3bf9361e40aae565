"""Apps on records: consent to kinds of records, answers to questionnaires, sealed documents, peer figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_STANDS = sa.text("withdrawn_at IS NULL")
_TABLES = ("record_grant", "answer_sheet", "sealed_document", "peer_figure")


def upgrade() -> None:
    """Five new tables; cells of peers belong to nobody."""
    _consents()
    _documents()
    _peers()
    for table in _TABLES:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Apps read signals only."""
    op.drop_table("peer_cell")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _peers() -> None:
    op.create_table(
        "peer_figure",
        sa.Column("figure", sa.String(length=60), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("size", sa.String(length=10), nullable=False),
        sa.Column("given_at", _INSTANT, nullable=False),
        *_owned("peer_figure"),
        sa.PrimaryKeyConstraint("tenant_id", "figure", "month", name="peer_figure_key"),
    )
    op.create_table(
        "peer_cell",
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("figure", sa.String(length=60), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("industry", sa.String(length=5), nullable=False),
        sa.Column("size", sa.String(length=10), nullable=False),
        sa.Column("q1", sa.Double(), nullable=True),
        sa.Column("median", sa.Double(), nullable=True),
        sa.Column("q3", sa.Double(), nullable=True),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("demo", "figure", "month", "industry", "size", name="peer_cell_key"),
    )


def _consents() -> None:
    op.create_table(
        "record_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("granted_at", _INSTANT, nullable=False),
        sa.Column("granted_by", sa.String(length=200), nullable=False),
        sa.Column("withdrawn_at", _INSTANT, nullable=True),
        sa.Column("withdrawn_by", sa.String(length=200), nullable=True),
        *_owned("record_grant"),
        _subscription("record_grant"),
        sa.PrimaryKeyConstraint("id", name="record_grant_key"),
    )
    op.create_index("record_grant_subscription_id_index", "record_grant", ["subscription_id"])
    op.create_index(
        "record_grant_standing", "record_grant", ["subscription_id", "kind"],
        unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS,
    )  # fmt: skip
    op.create_table(
        "answer_sheet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        *_owned("answer_sheet"),
        sa.PrimaryKeyConstraint("id", name="answer_sheet_key"),
    )
    op.create_index("answer_sheet_by_app", "answer_sheet", ["tenant_id", "app_id", "id"])


def _documents() -> None:
    op.create_table(
        "sealed_document",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("app_version", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("shared_at", _INSTANT, nullable=True),
        sa.Column("shared_by", sa.String(length=200), nullable=True),
        sa.Column("shared_until", _INSTANT, nullable=True),
        *_owned("sealed_document"),
        _subscription("sealed_document"),
        sa.PrimaryKeyConstraint("id", name="sealed_document_key"),
        sa.UniqueConstraint("code", name="sealed_document_code_unique"),
    )
    op.create_index("sealed_document_subscription_id_index", "sealed_document", ["subscription_id"])
    op.create_index("sealed_document_by_app", "sealed_document", ["tenant_id", "app_id", "id"])


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )


def _subscription(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["subscription_id"], ["subscription.id"],
        name=f"{table}_subscription_id_reference", ondelete="CASCADE",
    )  # fmt: skip
