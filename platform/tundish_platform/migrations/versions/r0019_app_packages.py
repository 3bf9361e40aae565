"""Publishers, their keys, the ids and versions of their apps; why a subscription was stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four new tables; the platform's own apps stay what they are."""
    op.create_table(
        "publisher",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        *_owned("publisher"),
        sa.PrimaryKeyConstraint("id", name="publisher_key"),
        sa.UniqueConstraint("name", name="publisher_name_unique"),
        sa.UniqueConstraint("tenant_id", name="publisher_tenant_id_unique"),
    )
    _keys()
    op.create_table(
        "app_title",
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("first_at", _INSTANT, nullable=False),
        sa.Column("uploads", sa.Integer(), nullable=False),
        *_owned("app_title"),
        sa.PrimaryKeyConstraint("app_id", name="app_title_key"),
    )
    _packages()
    for table in ("publisher", "signing_key", "app_title", "app_package"):
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)
    op.add_column("subscription", sa.Column("stopped_because", sa.String(length=400), nullable=True))


def downgrade() -> None:
    """Only the platform's own apps are left."""
    op.drop_column("subscription", "stopped_because")
    for table in ("app_package", "app_title", "signing_key", "publisher"):
        op.drop_table(table)


def _keys() -> None:
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("public_pem", sa.String(length=200), nullable=False),
        sa.Column("added_at", _INSTANT, nullable=False),
        sa.Column("added_by", sa.String(length=200), nullable=False),
        sa.Column("vouched_by", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", _INSTANT, nullable=True),
        sa.Column("confirmed_by", sa.String(length=200), nullable=True),
        sa.Column("retired_at", _INSTANT, nullable=True),
        sa.Column("revoked_at", _INSTANT, nullable=True),
        sa.Column("revoked_since", _INSTANT, nullable=True),
        sa.Column("revoked_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        *_owned("signing_key"),
        sa.PrimaryKeyConstraint("id", name="signing_key_key"),
        sa.UniqueConstraint("fingerprint", name="signing_key_fingerprint_unique"),
    )
    op.create_index("signing_key_vouched_by_index", "signing_key", ["vouched_by"])


def _packages() -> None:
    op.create_table(
        "app_package",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("major", sa.Integer(), nullable=False),
        sa.Column("minor", sa.Integer(), nullable=False),
        sa.Column("patch", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("uploaded_at", _INSTANT, nullable=False),
        sa.Column("uploaded_by", sa.String(length=200), nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        *_owned("app_package"),
        sa.ForeignKeyConstraint(
            ["app_id"], ["app_title.app_id"], name="app_package_app_id_reference", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["signing_key.id"], name="app_package_key_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="app_package_key"),
        sa.UniqueConstraint("app_id", "version", name="app_package_app_id_version_unique"),
    )
    op.create_index("app_package_by_state", "app_package", ["state", "app_id"])
    op.create_index("app_package_key_id_index", "app_package", ["key_id"])


def _owned(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return sa.Column("tenant_id", sa.Integer(), nullable=False), sa.ForeignKeyConstraint(
        ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
    )
