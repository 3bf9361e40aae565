"""Alembic's entry: migrate over the connection that `upgrade` hands in."""

from __future__ import annotations

from alembic import context

from tundish_platform.migrations.tables import target

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=target,
    compare_type=True,
    # SQLite cannot alter a column; Alembic then copies the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
