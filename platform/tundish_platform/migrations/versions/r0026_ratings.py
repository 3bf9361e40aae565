"""Ratings: stars, failures that no alert announced, and the tables published of each month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_TABLES = ("app_stars", "missed_failure")


def upgrade() -> None:
    """Four new tables; published cells belong to nobody."""
    op.create_table(
        "app_stars",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("app_version", sa.String(length=40), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        sa.Column("hidden_at", _INSTANT, nullable=True),
        sa.Column("hidden_by", sa.String(length=200), nullable=True),
        sa.Column("hidden_because", sa.String(length=400), nullable=True),
        *_owned("app_stars"),
        sa.PrimaryKeyConstraint("id", name="app_stars_key"),
        sa.UniqueConstraint("tenant_id", "app_id", name="app_stars_tenant_id_app_id_unique"),
    )
    op.create_index("app_stars_by_app", "app_stars", ["app_id", "id"])
    op.create_table(
        "missed_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=240), nullable=False),
        sa.Column("failed_at", _INSTANT, nullable=False),
        sa.Column("note", sa.String(length=1_000), nullable=False),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        *_owned("missed_failure"),
        sa.PrimaryKeyConstraint("id", name="missed_failure_key"),
    )
    op.create_index("missed_failure_by_time", "missed_failure", ["tenant_id", "said_at"])
    _cells()
    for table in _TABLES:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Apps have no ratings."""
    for table in ("use_cell", "rating_cell", *reversed(_TABLES)):
        op.drop_table(table)


def _cells() -> None:
    op.create_table(
        "rating_cell",
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("at_least", "confirmed", "refuted", "unclear", "missed")
        ),
        sa.Column("leads", sa.JSON(), nullable=True),
        sa.Column("avoided_cost", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "month", "kind", "key", name="rating_cell_key"),
    )
    op.create_table(
        "use_cell",
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("industry", sa.String(length=5), nullable=False),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.Column("runs", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "month", "industry", name="use_cell_key"),
    )


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )
