"""The register in two times: changes and what they said, contacts, merges, imports that wait for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_STANDS = sa.text("undone_by IS NULL")
_TABLES = (
    *("register_import", "register_merge", "register_contact", "register_entry", "register_fact"),
    *("register_head", "register_change"),
)
_SAID = ("name_zh", "name_en", "industry", "region", "hours_week")


def upgrade() -> None:
    """What stands on the register becomes the first change."""
    # No reference: SQLite would copy the table for it, and dropping the old one takes the evidence along.
    op.add_column("enterprise", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.create_index("enterprise_merged_into_index", "enterprise", ["merged_into"])
    _changes()
    _facts()
    _entries()
    _contacts()
    _merges()
    _imports()
    _first_change()


def downgrade() -> None:
    """What is known now of today stays, in the rows of the enterprises."""
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("enterprise_merged_into_index", "enterprise")
    op.drop_column("enterprise", "merged_into")


def _changes() -> None:
    op.create_table(
        "register_change",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id", name="register_change_key"),
    )
    op.create_index("register_change_at_index", "register_change", ["at"])
    op.create_table(
        "register_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="register_head_key"),
    )


def _facts() -> None:
    op.create_table(
        "register_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("change_id", sa.Integer(), nullable=False),
        _of_enterprise("register_fact"),
        _of_change("register_fact", "change_id"),
        sa.PrimaryKeyConstraint("id", name="register_fact_key"),
        sa.UniqueConstraint(
            *("enterprise_id", "field", "valid_from", "change_id"),
            name="register_fact_enterprise_id_field_valid_from_change_id_unique",
        ),
    )
    op.create_index("register_fact_change_id_index", "register_fact", ["change_id"])


def _entries() -> None:
    op.create_table(
        "register_entry",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("park", sa.String(length=100), nullable=True),
        sa.Column("size", sa.String(length=10), nullable=True),
        sa.Column("size_entered", sa.Boolean(), nullable=False),
        sa.Column("staff", sa.Integer(), nullable=True),
        sa.Column("revenue", sa.Double(), nullable=True),
        sa.Column("founded", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _of_enterprise("register_entry"),
        sa.PrimaryKeyConstraint("enterprise_id", name="register_entry_key"),
    )
    op.create_index("register_entry_park_index", "register_entry", ["park"])
    op.create_index("register_entry_size_index", "register_entry", ["size"])


def _contacts() -> None:
    op.create_table(
        "register_contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("mail", sa.String(length=200), nullable=False),
        sa.Column("entered_by", sa.String(length=200), nullable=False),
        sa.Column("entered_at", _INSTANT, nullable=False),
        _of_enterprise("register_contact"),
        sa.PrimaryKeyConstraint("id", name="register_contact_key"),
    )
    op.create_index("register_contact_enterprise_id_index", "register_contact", ["enterprise_id"])


def _merges() -> None:
    op.create_table(
        "register_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kept_id", sa.Integer(), nullable=False),
        sa.Column("merged_id", sa.Integer(), nullable=False),
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.Column("tenant_moved", sa.Integer(), nullable=True),
        _of_enterprise("register_merge", "kept_id"),
        _of_enterprise("register_merge", "merged_id"),
        _of_change("register_merge", "change_id"),
        _of_change("register_merge", "undone_by"),
        sa.ForeignKeyConstraint(
            ["tenant_moved"], ["tenant.id"], name="register_merge_tenant_moved_reference", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="register_merge_key"),
    )
    op.create_index("register_merge_kept_id_index", "register_merge", ["kept_id"])
    op.create_index(
        "register_merge_standing", "register_merge", ["merged_id"], unique=True, sqlite_where=_STANDS,
        postgresql_where=_STANDS,
    )  # fmt: skip


def _imports() -> None:
    op.create_table(
        "register_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("valid_on", sa.Date(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=200), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("change_id", sa.Integer(), nullable=True),
        _of_change("register_import", "change_id"),
        sa.PrimaryKeyConstraint("id", name="register_import_key"),
    )


def _first_change() -> None:
    """One change for all that was entered before changes were kept; it holds since each was registered."""
    connection, found = op.get_bind(), sa.MetaData()
    found.reflect(connection, only=("enterprise", *_TABLES))
    held = [dict(row) for row in connection.execute(sa.select(found.tables["enterprise"])).mappings()]
    if not held:
        return
    now = datetime.now(UTC)
    change = {"id": 1, "at": now, "actor": "migration", "kind": "setup", "note": ""}
    connection.execute(found.tables["register_change"].insert().values(change))
    connection.execute(found.tables["register_head"].insert().values(id=1, change_id=1, at=now))
    facts = found.tables["register_fact"].insert()
    connection.execute(facts, [said for row in held for said in _said(row)])
    entries = [{"enterprise_id": row["id"], "size_entered": False, "version": 1} for row in held]
    connection.execute(found.tables["register_entry"].insert(), entries)


def _said(row: dict[str, Any]) -> list[dict[str, Any]]:
    since = row["registered_at"].date()
    spelled = {name: f"{row[name]:g}" if name == "hours_week" else row[name] for name in _SAID}
    return [
        {"enterprise_id": row["id"], "field": name, "valid_from": since, "value": value, "withdrawn": False,
         "change_id": 1}
        for name, value in spelled.items() if value
    ]  # fmt: skip


def _of_enterprise(table: str, column: str = "enterprise_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["enterprise.id"], name=f"{table}_{column}_reference", ondelete="CASCADE"
    )


def _of_change(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["register_change.id"], name=f"{table}_{column}_reference")
