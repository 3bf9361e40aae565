"""What the plant makes: orders, lots and pieces, what was made from what, and where each one was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NEW = ("product", "product_origin", "product_stay")


def upgrade() -> None:
    """Three new tables."""
    _create_product()
    _create_origin()
    _create_stay()
    for table in _NEW:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Nothing is known of products, again."""
    for table in reversed(_NEW):
        op.drop_table(table)


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), _reference(
        table, "tenant_id", "tenant", "CASCADE"
    )


def _reference(table: str, column: str, target: str, ondelete: str | None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"{table}_{column}_reference", ondelete=ondelete
    )


def _create_product() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("series", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=120), nullable=False),
        sa.Column("material", sa.String(length=120), nullable=False),
        sa.Column("quantity", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("product"),
        _reference("product", "order_id", "product", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name="product_key"),
        sa.UniqueConstraint("tenant_id", "series", "number", name="product_tenant_id_series_number_unique"),
    )
    op.create_index("product_by_number", "product", ["tenant_id", "number"])
    op.create_index("product_by_order", "product", ["tenant_id", "order_id"])


def _create_origin() -> None:
    op.create_table(
        "product_origin",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.String(length=60), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("product_origin"),
        _reference("product_origin", "product_id", "product", "CASCADE"),
        _reference("product_origin", "from_id", "product", "CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "product_id", "from_id", name="product_origin_key"),
    )
    op.create_index("product_origin_by_source", "product_origin", ["tenant_id", "from_id"])


def _create_stay() -> None:
    op.create_table(
        "product_stay",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("product_stay"),
        _reference("product_stay", "product_id", "product", "CASCADE"),
        _reference("product_stay", "asset_id", "asset", None),
        sa.PrimaryKeyConstraint("id", name="product_stay_key"),
        sa.UniqueConstraint(
            "tenant_id", "product_id", "asset_id", "starts_at",
            name="product_stay_tenant_id_product_id_asset_id_starts_at_unique",
        ),
    )  # fmt: skip
    op.create_index("product_stay_by_asset", "product_stay", ["tenant_id", "asset_id", "starts_at"])
