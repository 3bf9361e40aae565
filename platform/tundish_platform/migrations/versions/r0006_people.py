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
    _create_invitation()
    _create_second_factor()
    _create_passkey()
    _create_challenge()
    _create_identity()


def downgrade() -> None:
    """Roles at places go: without their places they would be roles for the whole tenant."""
    for table in ("identity", "challenge", "passkey", "recovery_code", "second_factor", "invitation"):
        op.drop_table(table)
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


def _person(table: str, *, nullable: bool = False) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    reference = sa.ForeignKeyConstraint(
        ["user_id"], ["user_account.id"], name=f"{table}_user_id_reference", ondelete="CASCADE"
    )
    return sa.Column("user_id", sa.Integer(), nullable=nullable, autoincrement=False), reference


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _create_invitation() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(length=120), nullable=False),
        sa.Column("grants", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        _when("created_at"),
        _when("expires_at"),
        _when("withdrawn_at", nullable=True),
        _when("accepted_at", nullable=True),
        sa.Column("accepted_by", sa.Integer(), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["accepted_by"], ["user_account.id"], name="invitation_accepted_by_reference", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="invitation_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="invitation_key"),
        sa.UniqueConstraint("digest", name="invitation_digest_unique"),
    )
    op.create_index("invitation_tenant_id_index", "invitation", ["tenant_id"])


def _create_second_factor() -> None:
    op.create_table(
        "second_factor",
        *_person("second_factor"),
        sa.Column("secret", sa.String(length=400), nullable=False),
        _when("created_at"),
        _when("confirmed_at", nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="second_factor_key"),
    )
    op.create_table(
        "recovery_code",
        *_person("recovery_code"),
        sa.Column("digest", sa.String(length=64), nullable=False),
        _when("used_at", nullable=True),
        sa.PrimaryKeyConstraint("user_id", "digest", name="recovery_code_key"),
    )


def _create_passkey() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Integer(), nullable=False),
        *_person("passkey"),
        sa.Column("credential", sa.String(length=1400), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        _when("created_at"),
        _when("last_used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="passkey_key"),
        sa.UniqueConstraint("credential", name="passkey_credential_unique"),
    )
    op.create_index("passkey_user_id_index", "passkey", ["user_id"])


def _create_challenge() -> None:
    op.create_table(
        "challenge",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        *_person("challenge", nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        _when("expires_at"),
        sa.PrimaryKeyConstraint("digest", name="challenge_key"),
    )
    op.create_index("challenge_expires_at_index", "challenge", ["expires_at"])


def _create_identity() -> None:
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        *_person("identity"),
        _when("linked_at"),
        _when("last_used_at", nullable=True),
        sa.PrimaryKeyConstraint("issuer", "subject", name="identity_key"),
    )
    op.create_index("identity_user_id_index", "identity", ["user_id"])
