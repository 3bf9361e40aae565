"""Row-level security on PostgreSQL: a tenant's rows are reached by it, or by named work above tenants."""

from __future__ import annotations

from alembic import op

from tundish_platform.migrations.rowsecurity import make_roles, owned_tables, protect, unprotect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All tables with an owner that there are; later migrations call `protect` for theirs."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    make_roles(connection)
    for table in owned_tables(connection):
        protect(op, table)


def downgrade() -> None:
    """Filters only, again. The roles stay: other databases of the cluster may use them."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in owned_tables(connection):
            unprotect(op, table)
