"""The equipment tree, filled from the paths of the signals there are, and the index to search them in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tundish_platform.assets.searchtext import search_text
from tundish_platform.migrations import signal_search

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LEVELS = ("enterprise", "site", "area", "line", "machine", "component")
_OF_THE_LINE = ("prediction", "output")
_LINE_DEPTH = 3
_NAME = 200

_TENANT = sa.table("tenant", sa.column("id"), sa.column("name_zh"), sa.column("name_en"))
_SIGNAL = sa.table(
    "signal",
    sa.column("tenant_id"),
    sa.column("id"),
    sa.column("path"),
    sa.column("role"),
    sa.column("asset_id"),
    sa.column("name_zh"),
    sa.column("name_en"),
    sa.column("search"),
)
_ASSET = sa.table(
    "asset",
    *(
        sa.column(name)
        for name in (
            "id", "tenant_id", "parent_id", "path", "level", "name_zh", "name_en", "position", "version",
        )
    ),
)  # fmt: skip


def upgrade() -> None:
    """A new table, and where each signal stands in it."""
    _create_asset()
    _create_asset_type()
    with op.batch_alter_table("signal") as signal:
        signal.add_column(sa.Column("asset_id", sa.Integer(), nullable=True))
        signal.create_foreign_key(
            "signal_asset_id_reference", "asset", ["asset_id"], ["id"], ondelete="SET NULL"
        )
        signal.add_column(sa.Column("search", sa.Text(), nullable=False, server_default=""))
        signal.create_index("signal_by_asset", ["tenant_id", "asset_id"])
        signal.create_index("signal_by_kind", ["tenant_id", "semantic", "id"])
        signal.create_index("signal_by_unit", ["tenant_id", "unit", "id"])
        signal.create_index("signal_by_meaning", ["tenant_id", "id", "semantic", "unit"])
    _hang_signals()
    signal_search.make(op.get_bind())


def downgrade() -> None:
    """Signals with nothing but their paths again."""
    signal_search.drop(op.get_bind())
    with op.batch_alter_table("signal") as signal:
        for name in ("asset", "kind", "unit", "meaning"):
            signal.drop_index(f"signal_by_{name}")
        signal.drop_column("search")
        signal.drop_constraint("signal_asset_id_reference", type_="foreignkey")
        signal.drop_column("asset_id")
    op.drop_table("asset_type")
    op.drop_table("asset")


def _create_asset() -> None:
    op.create_table(
        "asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type_key", sa.String(length=60), nullable=True),
        sa.Column("type_version", sa.Integer(), nullable=True),
        sa.Column("overrides", sa.JSON(), nullable=True),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        # A tenant is removed with all its rows at once, in whatever order the database takes them.
        sa.ForeignKeyConstraint(
            ["parent_id"], ["asset.id"], name="asset_parent_id_reference", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="asset_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="asset_key"),
        sa.UniqueConstraint("tenant_id", "path", name="asset_tenant_id_path_unique"),
    )
    op.create_index("asset_tenant_id_index", "asset", ["tenant_id"])
    op.create_index("asset_by_parent", "asset", ["tenant_id", "parent_id"])


def _create_asset_type() -> None:
    op.create_table(
        "asset_type",
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("base_key", sa.String(length=60), nullable=True),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name="asset_type_tenant_id_reference", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", "version", name="asset_type_key"),
    )
    op.create_index("asset_type_tenant_id_index", "asset_type", ["tenant_id"])


def _hang_signals() -> None:
    connection = op.get_bind()
    for tenant, name_zh, name_en in connection.execute(
        sa.select(_TENANT.c.id, _TENANT.c.name_zh, _TENANT.c.name_en)
    ).all():
        query = sa.select(_SIGNAL).where(_SIGNAL.c.tenant_id == tenant)
        rows = connection.execute(query).all()
        if not rows:
            continue
        placed = {row.id: _place(row.path, row.role) for row in rows}
        nodes = _nodes(connection, tenant, (name_zh, name_en), set(placed.values()))
        connection.execute(
            sa.update(_SIGNAL)
            .where(_SIGNAL.c.tenant_id == tenant, _SIGNAL.c.id == sa.bindparam("number"))
            .values(asset_id=sa.bindparam("node"), search=sa.bindparam("words")),
            [
                {
                    "number": row.id,
                    "node": nodes[placed[row.id]],
                    "words": search_text(row.path, row.name_zh, row.name_en),
                }
                for row in rows
            ],
        )


def _place(path: str, role: str) -> str:
    parts = path.split("/")[:-1]
    return "/".join(parts[:_LINE_DEPTH] if role in _OF_THE_LINE else parts)


def _nodes(
    connection: sa.Connection, tenant: int, names: tuple[str, str], places: set[str]
) -> dict[str, int]:
    """Make the nodes of one tenant, from the top down; returns their numbers by path."""
    wanted = {""}
    for place in places:
        parts = place.split("/") if place else []
        wanted |= {"/".join(parts[:cut]) for cut in range(1, len(parts) + 1)}
    known: dict[str, int] = {}
    for path in sorted(wanted, key=lambda path: (path.count("/") + 1 if path else 0, path)):
        depth = path.count("/") + 1 if path else 0
        name = path.rpartition("/")[2][:_NAME]
        known[path] = connection.execute(
            sa.insert(_ASSET)
            .values(
                tenant_id=tenant, parent_id=known[path.rpartition("/")[0]] if path else None, path=path,
                level=_LEVELS[min(depth, len(_LEVELS) - 1)], name_zh=name if path else names[0],
                name_en=name if path else names[1], position=0, version=1,
            )
            .returning(_ASSET.c.id)
        ).scalar_one()  # fmt: skip
    return known
