"""Identification codes of products and assets, and the prefix under which a tenant gives them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two new tables."""
    op.create_table(
        "code_prefix",
        sa.Column("prefix", sa.String(length=40), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        *_owned("code_prefix"),
        sa.PrimaryKeyConstraint("tenant_id", name="code_prefix_key"),
        sa.UniqueConstraint("prefix", name="code_prefix_prefix_unique"),
    )
    op.create_table(
        "identification_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        *_owned("identification_code"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name="identification_code_product_id_reference",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name="identification_code_asset_id_reference"),
        sa.PrimaryKeyConstraint("id", name="identification_code_key"),
        sa.UniqueConstraint("code", name="identification_code_code_unique"),
    )  # fmt: skip
    for name in ("product", "asset"):
        op.create_index(f"identification_code_by_{name}", "identification_code", ["tenant_id", f"{name}_id"])
    for table in ("code_prefix", "identification_code"):
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """Codes are nobody's, again."""
    op.drop_table("identification_code")
    op.drop_table("code_prefix")


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )
