"""The model registry: versions of models with their cards, decisions about them, reports on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NEW = ("model_version", "model_decision", "model_report")


def upgrade() -> None:
    """Three new tables."""
    _create_version()
    _create_decision()
    _create_report()
    for table in _NEW:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Models are known to their worker only, again."""
    for table in reversed(_NEW):
        op.drop_table(table)


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), _reference(
        table, "tenant_id", "tenant", "CASCADE"
    )


def _reference(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"{table}_{column}_reference", ondelete=ondelete
    )


def _create_version() -> None:
    champion = sa.text("state = 'champion'")
    op.create_table(
        "model_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(length=400), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("trained_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trained_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("approved_by", sa.String(length=200), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_by", sa.String(length=200), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("model_version"),
        _reference("model_version", "replaces_id", "model_version", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name="model_version_key"),
        sa.UniqueConstraint(
            "tenant_id", "line", "model", "version", name="model_version_tenant_id_line_model_version_unique"
        ),
    )
    op.create_index(
        "model_version_champion", "model_version", ["tenant_id", "line", "model"],
        unique=True, sqlite_where=champion, postgresql_where=champion,
    )  # fmt: skip


def _create_decision() -> None:
    op.create_table(
        "model_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("from_state", sa.String(length=10), nullable=False),
        sa.Column("to_state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        *_owned("model_decision"),
        _reference("model_decision", "version_id", "model_version", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name="model_decision_key"),
    )
    op.create_index("model_decision_by_version", "model_decision", ["tenant_id", "version_id", "id"])


def _create_report() -> None:
    op.create_table(
        "model_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("reported_by", sa.String(length=200), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("model_report"),
        _reference("model_report", "version_id", "model_version", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name="model_report_key"),
        sa.UniqueConstraint(
            "tenant_id", "version_id", "kind", "moment",
            name="model_report_tenant_id_version_id_kind_moment_unique",
        ),
    )  # fmt: skip
