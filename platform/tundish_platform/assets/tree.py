"""The equipment tree of a tenant: made, read, named, ordered, moved, retired."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from tundish_platform.assets.levels import Level, below, may_hold
from tundish_platform.assets.models import Asset, Signal
from tundish_platform.assets.nodes import NAME_LENGTH, chunks, hold_tree, nodes_at
from tundish_platform.assets.walks import chain_of, levels_below, visible_to
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_ASSETS: Final = 100_000
MAX_PAGE: Final = 10_000
MAX_PATH: Final = 400
MAX_DEPTH: Final = 12

_Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH, pattern=r"^[^\x00-\x1f]*$")]
# A blank at either end would make two codes that look the same.
_Code = Annotated[
    str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x20/]([^\x00-\x1f/]*[^\x00-\x20/])?$")
]


class UnknownAsset(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such asset, or the scope may not see it."""


class AssetChanged(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Somebody else changed the asset since it was read."""


class AssetRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The tree would not be one any more, or data would lose its place.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class AssetSpec(BaseModel):
    """An asset to make; its level is the one below its parent's.

    Attributes:
        parent: number of the node above; the enterprise if absent.
        code: its part of the path, which stays.
        position: order among its siblings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    code: _Code
    name_zh: _Name
    name_en: _Name
    position: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class AssetChange(BaseModel):
    """What of an asset shall change; what is absent stays.

    Attributes:
        retired: out of use: it and all below it no longer stand in the everyday tree; false brings it back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name_zh: _Name | None = None
    name_en: _Name | None = None
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    retired: bool | None = None


class AssetInfo(BaseModel):
    """An asset as the tenant sees it.

    Attributes:
        parent: number of the node above; None for the enterprise.
        signals: how many hang on it itself.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    parent: int | None
    path: str
    level: Level
    name_zh: str
    name_en: str
    position: int
    retired_at: datetime | None
    version: int
    signals: int


def list_assets(
    session: Session, scope: TenantScope, *, after: int = 0, limit: int = MAX_PAGE, retired: bool = False
) -> list[AssetInfo]:
    """Nodes by number, a page at a time; a scope narrowed to some signals sees what they hang on, and above.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    query = select(Asset).where(Asset.tenant_id == scope.tenant_id, Asset.id > after)
    if not retired:
        query = query.where(Asset.retired_at.is_(None))
    if scope.signals is not None:
        query = query.where(Asset.id.in_(visible_to(session, scope, scope.signals)))
    rows = session.scalars(query.order_by(Asset.id).limit(limit)).all()
    counts = _signals_on(session, scope, rows[0].id, rows[-1].id) if rows else {}
    return [_info(row, counts) for row in rows]


def find_asset(session: Session, scope: TenantScope, asset: int) -> AssetInfo:
    """One node.

    Raises:
        AccessDenied: the scope may not read.
        UnknownAsset: there is none, or the scope may not see it.
    """
    found = list_assets(session, scope, after=asset - 1, limit=1, retired=True)
    if not found or found[0].id != asset:
        raise UnknownAsset(asset)
    return found[0]


def create_asset(session: Session, scope: TenantScope, spec: AssetSpec, now: datetime) -> AssetInfo:
    """Make a node below another one.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownAsset: there is no such parent.
        AssetRefused: the code is taken there, the parent is retired, or there are too many or too deep.
    """
    _may_configure(scope)
    hold_tree(session, scope)
    parent = _row(session, scope, spec.parent or nodes_at(session, scope, [""])[""])
    path = f"{parent.path}/{spec.code}" if parent.path else spec.code
    _check_new(session, scope, parent, path)
    row = Asset(
        tenant_id=scope.tenant_id, parent_id=parent.id, path=path, level=below(Level(parent.level)).value,
        name_zh=spec.name_zh, name_en=spec.name_en, position=spec.position,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "asset.made", f"asset/{row.id}", now, {"path": path})
    return _info(row, {})


def change_asset(
    session: Session, scope: TenantScope, asset: int, version: int, change: AssetChange, now: datetime
) -> AssetInfo:
    """Name, order, retire or bring back the node of ``version``.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownAsset: the tenant has no such node.
        AssetChanged: somebody changed it since.
        AssetRefused: the enterprise cannot be retired; nothing comes back below what is retired.
    """
    _may_configure(scope)
    hold_tree(session, scope)
    row = _row_of_version(session, scope, asset, version)
    for name in ("name_zh", "name_en", "position"):
        if (value := getattr(change, name)) is not None:
            setattr(row, name, value)
    if change.retired is not None:
        _retire(session, scope, row, now if change.retired else None)
    return _changed(session, scope, row, "asset.changed", now, change.model_dump(exclude_none=True))


def move_asset(
    session: Session, scope: TenantScope, asset: int, version: int, parent: int, now: datetime
) -> AssetInfo:
    """Hang a node, with all below it, under another one of the level it needs. Its path stays as it is.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownAsset: the tenant has no such node or parent.
        AssetChanged: somebody changed it since.
        AssetRefused: the parent has the wrong level, is retired, lies below the node itself, or too deep.
    """
    _may_configure(scope)
    hold_tree(session, scope)
    row, target = _row_of_version(session, scope, asset, version), _row(session, scope, parent)
    _check_open(target)
    if not may_hold(Level(target.level), Level(row.level)):
        raise AssetRefused(
            f"{target.level} 之下不能放 {row.level}。", f"A {target.level} holds no {row.level}."
        )
    chain = chain_of(session, scope, target)
    if row.id in chain:
        raise AssetRefused("不能移到自身或其下级之下。", "A node cannot be moved below itself.")
    _check_depth(len(chain) + len(levels_below(session, scope, row.id)))
    row.parent_id = target.id
    return _changed(session, scope, row, "asset.moved", now, {"parent": target.id})


def delete_asset(session: Session, scope: TenantScope, asset: int, now: datetime) -> None:
    """Remove a node that never had anything: no signals and no nodes below it.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownAsset: the tenant has no such node.
        AssetRefused: it has signals or nodes below it; retire it instead.
    """
    _may_configure(scope)
    hold_tree(session, scope)
    row = _row(session, scope, asset)
    children = session.scalar(
        select(func.count()).where(Asset.tenant_id == scope.tenant_id, Asset.parent_id == asset)
    )
    if children or _signals_on(session, scope, asset, asset) or row.parent_id is None:
        raise AssetRefused(
            "该节点有信号或下级,不能删除;请改为停用。",
            "The node has signals or nodes below it, so it cannot be removed. Retire it instead.",
        )
    record_of(session, scope, "asset.removed", f"asset/{asset}", now, {"path": row.path})
    session.delete(row)
    try:
        session.flush()
    except IntegrityError as error:
        # Only higher floors refer to a node so that it must stay, such as what was made on it.
        raise AssetRefused(
            "仍有产品等记录引用该节点,不能删除;请改为停用。",
            "Records such as products refer to the node, so it cannot be removed. Retire it instead.",
        ) from error


def assets_below(session: Session, scope: TenantScope, asset: int) -> set[int]:
    """Numbers of a node and of everything below it.

    Raises:
        AccessDenied: the scope may not read.
        UnknownAsset: there is none, or the scope may not see it.
    """
    find_asset(session, scope, asset)
    return {number for level in levels_below(session, scope, asset) for number in level}


def _may_configure(scope: TenantScope) -> None:
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()


def _row(session: Session, scope: TenantScope, asset: int) -> Asset:
    row = session.scalar(select(Asset).where(Asset.tenant_id == scope.tenant_id, Asset.id == asset))
    if row is None:
        raise UnknownAsset(asset)
    return row


def _row_of_version(session: Session, scope: TenantScope, asset: int, version: int) -> Asset:
    row = _row(session, scope, asset)
    session.refresh(row)
    if row.version != version:
        raise AssetChanged(asset)
    return row


def _changed(
    session: Session, scope: TenantScope, row: Asset, what: str, now: datetime, detail: Mapping[str, object]
) -> AssetInfo:
    row.version += 1
    session.flush()
    record_of(session, scope, what, f"asset/{row.id}", now, detail)
    return _info(row, _signals_on(session, scope, row.id, row.id))


def _retire(session: Session, scope: TenantScope, row: Asset, at: datetime | None) -> None:
    if row.parent_id is None:
        raise AssetRefused("企业节点不能停用。", "The enterprise itself cannot be retired.")
    if at is None:
        _check_open(_row(session, scope, row.parent_id))
    for level in levels_below(session, scope, row.id):
        for part in chunks(level):
            session.execute(
                update(Asset)
                .where(Asset.tenant_id == scope.tenant_id, Asset.id.in_(part))
                .values(retired_at=at)
            )
    row.retired_at = at


def _check_open(parent: Asset) -> None:
    if parent.retired_at is not None:
        raise AssetRefused(
            f"{parent.path} 已停用,请先恢复。", f"{parent.path} is retired. Bring it back first."
        )


def _check_depth(levels: int) -> None:
    if levels > MAX_DEPTH:
        raise AssetRefused(f"层级不能超过 {MAX_DEPTH}。", f"The tree may have {MAX_DEPTH} levels at most.")


def _check_new(session: Session, scope: TenantScope, parent: Asset, path: str) -> None:
    _check_open(parent)
    _check_depth(len(chain_of(session, scope, parent)) + 1)
    if len(path) > MAX_PATH:
        raise AssetRefused(f"路径不能超过 {MAX_PATH} 个字符。", f"A path has {MAX_PATH} characters at most.")
    mine = Asset.tenant_id == scope.tenant_id
    if session.scalar(select(Asset.id).where(mine, Asset.path == path)) is not None:
        raise AssetRefused(f"{path} 已存在。", f"There is a node {path} already.")
    if (session.scalar(select(func.count()).select_from(Asset).where(mine)) or 0) >= MAX_ASSETS:
        raise AssetRefused(f"节点数量已达上限 {MAX_ASSETS}。", f"There are {MAX_ASSETS} nodes already.")


def _signals_on(session: Session, scope: TenantScope, first: int, last: int) -> dict[int, int]:
    """How many signals hang on each node of a range of numbers."""
    query = select(Signal.asset_id, func.count()).where(
        Signal.tenant_id == scope.tenant_id, Signal.asset_id.between(first, last)
    )
    if scope.signals is not None:
        query = query.where(Signal.id.in_(scope.signals))
    return {asset: held for asset, held in session.execute(query.group_by(Signal.asset_id)) if asset}


def _info(row: Asset, counts: Mapping[int, int]) -> AssetInfo:
    return AssetInfo(
        id=row.id, parent=row.parent_id, path=row.path, level=Level(row.level), name_zh=row.name_zh,
        name_en=row.name_en, position=row.position, retired_at=row.retired_at, version=row.version,
        signals=counts.get(row.id, 0),
    )  # fmt: skip
