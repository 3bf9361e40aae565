"""Upgrades of subscriptions with their history; trials keep what a person had confirmed as which input."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_OPEN = sa.text("state IN ('trying', 'differs')")
# Until now the newest version of the same major number ran, whatever had been subscribed to.
_NAMED = """
UPDATE subscription SET app_version = COALESCE(
  (SELECT app_run.app_version FROM app_run
   WHERE app_run.subscription_id = subscription.id AND app_run.tenant_id = subscription.tenant_id
   ORDER BY app_run.id DESC LIMIT 1), app_version)
WHERE stopped_at IS NULL
"""


def upgrade() -> None:
    """A table, and a column each of subscriptions and trials; subscriptions name the version that runs."""
    op.add_column("app_trial", sa.Column("inputs", sa.JSON(), nullable=True))
    op.add_column(
        "subscription", sa.Column("follow", sa.String(length=10), nullable=False, server_default="none")
    )
    op.execute(_NAMED)
    op.create_table(
        "app_upgrade",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("from_version", sa.String(length=40), nullable=False),
        sa.Column("to_version", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", _INSTANT, nullable=False),
        sa.Column("agreed", sa.JSON(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("fresh", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _INSTANT, nullable=False),
        sa.Column("shadow", sa.JSON(), nullable=True),
        sa.Column("kept", sa.JSON(), nullable=True),
        sa.Column("taken_at", _INSTANT, nullable=True),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="app_upgrade_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name="app_upgrade_subscription_id_reference",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="app_upgrade_key"),
    )  # fmt: skip
    op.create_index("app_upgrade_tenant_id_index", "app_upgrade", ["tenant_id"])
    op.create_index("app_upgrade_subscription_id_index", "app_upgrade", ["subscription_id"])
    op.create_index("app_upgrade_by_subscription", "app_upgrade", ["tenant_id", "subscription_id", "id"])
    op.create_index("app_upgrade_by_version", "app_upgrade", ["app_id", "to_version"])
    op.create_index(
        "app_upgrade_open", "app_upgrade", ["subscription_id"],
        unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    protect(op, "app_upgrade")


def downgrade() -> None:
    """The newest version of a major number runs, and trials read whatever fits."""
    op.drop_table("app_upgrade")
    op.drop_column("subscription", "follow")
    op.drop_column("app_trial", "inputs")
