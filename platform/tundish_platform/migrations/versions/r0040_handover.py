"""Hand-over: shift plans, editions of shift reports, notes of people, and their mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.migrations.rowsecurity import protect

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_TABLES = ("shift_plan", "handover_edition", "handover_note", "handover_mail")


def upgrade() -> None:
    """Four new tables."""
    _plans_and_editions()
    _notes()
    _mail()
    for table in _TABLES:
        op.create_index(f"{table}_tenant_id_index", table, ["tenant_id"])
        protect(op, table)


def downgrade() -> None:
    """No report is handed over."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _owned(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    """What every table of a tenant has; made anew each time, a column belongs to one table."""
    return (
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=f"{table}_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"{table}_key"),
    )


def _plans_and_editions() -> None:
    op.create_table(
        "shift_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        *_owned("shift_plan"),
        sa.UniqueConstraint("tenant_id", "path", name="shift_plan_tenant_id_path_unique"),
    )
    op.create_table(
        "handover_edition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("recheck_at", _INSTANT, nullable=True),
        *_owned("handover_edition"),
        sa.UniqueConstraint(
            "tenant_id", "path", "starts_at", "number",
            name="handover_edition_tenant_id_path_starts_at_number_unique",
        ),
    )  # fmt: skip
    op.create_index("handover_edition_by_recheck", "handover_edition", ["tenant_id", "recheck_at"])


def _notes() -> None:
    op.create_table(
        "handover_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("point", sa.Boolean(), nullable=False),
        sa.Column("follows", sa.Integer(), nullable=True),
        sa.Column("said_by", sa.String(length=200), nullable=False),
        sa.Column("said_at", _INSTANT, nullable=False),
        sa.Column("taken_by", sa.String(length=200), nullable=False),
        sa.Column("taken_at", _INSTANT, nullable=True),
        sa.Column("closed_by", sa.String(length=200), nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        *_owned("handover_note"),
        sa.ForeignKeyConstraint(
            ["follows"], ["handover_note.id"], name="handover_note_follows_reference", ondelete="SET NULL"
        ),
    )
    op.create_index("handover_note_by_shift", "handover_note", ["tenant_id", "path", "starts_at"])


def _mail() -> None:
    op.create_table(
        "handover_mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("claimed_until", _INSTANT, nullable=True),
        sa.Column("fault", sa.String(length=30), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("sent_at", _INSTANT, nullable=True),
        *_owned("handover_mail"),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["handover_edition.id"], name="handover_mail_edition_id_reference",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["notice_channel.id"], name="handover_mail_channel_id_reference",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "tenant_id", "edition_id", "person", name="handover_mail_tenant_id_edition_id_person_unique"
        ),
    )  # fmt: skip
    op.create_index("handover_mail_by_due", "handover_mail", ["state", "due_at"])
