"""Roles at places, invitations, keys with their makers, second factors, passkeys, identities of providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_HOLDERS = {"membership": "user_id", "token_grant": "token_id"}


def upgrade() -> None:
    """What is held now is held for the whole tenant."""
    for table, holder in _HOLDERS.items():
        _key(table, holder, place=True)
    with op.batch_alter_table("api_token") as tokens:
        tokens.add_column(sa.Column("created_by", sa.String(length=200), nullable=False, server_default=""))


def downgrade() -> None:
    """Roles at places go: without their places they would be roles for the whole tenant."""
    with op.batch_alter_table("api_token") as tokens:
        tokens.drop_column("created_by")
    for table, holder in _HOLDERS.items():
        op.execute(sa.text(f"DELETE FROM {table} WHERE place <> ''"))  # noqa: S608 - names of ours
        _key(table, holder, place=False)


def _key(table: str, holder: str, *, place: bool) -> None:
    key = ["tenant_id", holder, "role"]
    with op.batch_alter_table(table) as changed:
        changed.drop_constraint(f"{table}_key", type_="primary")
        if place:
            changed.add_column(sa.Column("place", sa.String(length=400), nullable=False, server_default=""))
            key.append("place")
        else:
            changed.drop_column("place")
        changed.create_primary_key(f"{table}_key", key)
