"""A mark that all of a database is a simulated city's, and targets of parks with long names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table above tenants, and a wider column."""
    op.create_table(
        "simulated_city",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("enterprises", sa.Integer(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="simulated_city_key"),
    )
    with op.batch_alter_table("programme_target") as targets:
        targets.alter_column("park", existing_type=sa.String(length=40), type_=sa.String(length=100))


def downgrade() -> None:
    """Nothing says any more that a city was made."""
    with op.batch_alter_table("programme_target") as targets:
        targets.alter_column("park", existing_type=sa.String(length=100), type_=sa.String(length=40))
    op.drop_table("simulated_city")
