"""Segments with sequence ranges and checksums, and the writer's first level."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Segments written before have their rows' own sequence column: they are of another form and must go.

    The first heat was never released; who tried it imports the recordings again.
    """
    op.execute(sa.text("DELETE FROM segment"))
    op.execute(sa.text("DELETE FROM sealed_up_to"))
    with op.batch_alter_table("segment") as table:
        table.add_column(sa.Column("min_sequence", sa.BigInteger(), nullable=False))
        table.add_column(sa.Column("crc32", sa.BigInteger(), nullable=False))
        table.add_column(sa.Column("damaged", sa.Boolean(), nullable=False))
    op.create_table(
        "first_level",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("max_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("first_level_key")),
        sa.UniqueConstraint("name", name=op.f("first_level_name_unique")),
    )


def downgrade() -> None:
    """Back to rows with sequences: no segment can be kept."""
    op.drop_table("first_level")
    op.execute(sa.text("DELETE FROM segment"))
    op.execute(sa.text("DELETE FROM sealed_up_to"))
    with op.batch_alter_table("segment") as table:
        table.drop_column("damaged")
        table.drop_column("crc32")
        table.drop_column("min_sequence")
