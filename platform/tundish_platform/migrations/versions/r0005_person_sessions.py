"""Sessions of people, so that they can be listed and ended, and outlive a restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table; whoever is logged in logs in once more."""
    op.create_table(
        "person_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name="person_session_user_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="person_session_key"),
        sa.UniqueConstraint("digest", name="person_session_digest_unique"),
    )
    op.create_index("person_session_by_opening", "person_session", ["user_id", "opened_at"])


def downgrade() -> None:
    """Sessions in signed cookies only, again."""
    op.drop_table("person_session")
