"""Shadow trials of apps over a tenant's own history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """One new table."""
    op.create_table(
        "app_trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("app_id", sa.String(length=60), nullable=False),
        sa.Column("app_version", sa.String(length=40), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("start", _INSTANT, nullable=False),
        sa.Column("end", _INSTANT, nullable=False),
        sa.Column("step_s", sa.Double(), nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", _INSTANT, nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name="app_trial_job_id_reference", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="app_trial_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="app_trial_key"),
    )
    op.create_index("app_trial_by_app", "app_trial", ["tenant_id", "app_id", "id"])
    op.create_index("app_trial_job_id_index", "app_trial", ["job_id"])
    op.create_index("app_trial_tenant_id_index", "app_trial", ["tenant_id"])
    protect(op, "app_trial")


def downgrade() -> None:
    """Trials are forgotten."""
    op.drop_table("app_trial")
