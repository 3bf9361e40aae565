"""A count of changes of keys, people, sessions and roles: who was looked up stands until it moves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations import identity

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The count begins; triggers keep it."""
    table = op.create_table(
        "identity_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="identity_version_key"),
    )
    op.bulk_insert(table, [{"id": 1, "version": 1}])
    identity.make(op.get_bind())


def downgrade() -> None:
    """Everybody is looked up with each request again."""
    identity.drop(op.get_bind())
    op.drop_table("identity_version")
