"""Types of machines: kept in versions that never change, inherited, and given to assets."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, tuple_

from tundish_platform.assets.models import Asset, AssetType
from tundish_platform.assets.nodes import hold_tree
from tundish_platform.assets.tree import AssetChanged, UnknownAsset, find_asset
from tundish_platform.assets.typespec import INSTANCE, Declared, Resolved, TypeRefused, TypeSpec, resolve
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_TYPES: Final = 2_000
MAX_INHERITANCE: Final = 8


class UnknownType(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such type, or not in that version."""


class TypeInfo(BaseModel):
    """A version of a type.

    Attributes:
        base: key and version of what it inherits from; pinned, so that a version never changes its meaning.
        declared: what it says itself.
        resolved: with what it inherits; each field says from where.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    version: int
    base: tuple[str, int] | None
    name_zh: str
    name_en: str
    created_at: datetime
    created_by: str
    declared: Declared
    resolved: Resolved


class Instance(BaseModel):
    """An asset of a type.

    Attributes:
        overridden: keys and paths of which the instance itself says something.
    """

    model_config = ConfigDict(frozen=True)

    asset: int
    path: str
    type: str
    type_version: int
    overrides: Declared
    resolved: Resolved
    overridden: tuple[str, ...]


def save_type(session: Session, scope: TenantScope, key: str, spec: TypeSpec, now: datetime) -> TypeInfo:
    """Keep a type as its next version; the same as the newest one makes none.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownType: there is no such base.
        TypeRefused: it does not hold together, inherits from itself, or there are too many.
    """
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()
    hold_tree(session, scope)
    newest = _newest(session, scope, key)
    base = None if spec.base is None else find_type(session, scope, spec.base)
    declared = spec.model_dump(mode="json", exclude_none=True)
    if newest is not None and newest.spec == declared and newest.base_version == (base and base.version):
        return find_type(session, scope, key)
    if newest is None and _count(session, scope) >= MAX_TYPES:
        raise TypeRefused(f"类型数量已达上限 {MAX_TYPES}。", f"There are {MAX_TYPES} types already.")
    row = AssetType(
        tenant_id=scope.tenant_id, key=key, version=1 if newest is None else newest.version + 1,
        base_key=spec.base, base_version=base and base.version, spec=declared, created_at=now,
        created_by=scope.principal,
    )  # fmt: skip
    chain = _chain(session, scope, row)
    if key in {one.key for one in chain[:-1]}:
        raise TypeRefused(f"类型 {key} 不能继承自身。", f"Type {key} cannot inherit from itself.")
    resolve(_layers(chain))
    session.add(row)
    session.flush()
    record_of(session, scope, "asset_type.saved", f"asset_type/{key}@{row.version}", now)
    return _info(row, chain)


def find_type(session: Session, scope: TenantScope, key: str, version: int | None = None) -> TypeInfo:
    """A type, the newest version if none is named.

    Raises:
        AccessDenied: the scope may not read.
        UnknownType: there is none.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    row = _newest(session, scope, key) if version is None else _row(session, scope, key, version)
    if row is None:
        raise UnknownType(key if version is None else f"{key}@{version}")
    return _info(row, _chain(session, scope, row))


def list_types(session: Session, scope: TenantScope, *, after: str = "", limit: int = 100) -> list[TypeInfo]:
    """The newest version of each type by key, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    newest = (
        select(AssetType.key, func.max(AssetType.version))
        .where(AssetType.tenant_id == scope.tenant_id, AssetType.key > after)
        .group_by(AssetType.key)
        .order_by(AssetType.key)
        .limit(limit)
    )
    pairs = [tuple(pair) for pair in session.execute(newest)]
    rows = session.scalars(
        select(AssetType)
        .where(
            AssetType.tenant_id == scope.tenant_id,
            tuple_(AssetType.key, AssetType.version).in_(pairs),
        )
        .order_by(AssetType.key)
    )
    return [_info(row, _chain(session, scope, row)) for row in rows]


def give_type(
    session: Session, scope: TenantScope, asset: int, version: int, of: tuple[str, int | None],
    overrides: Declared, now: datetime,
) -> Instance:  # fmt: skip
    """Make an asset an instance of a type, or of another version, with its own overrides.

    Signals and rules are made by whoever calls (`tundish_platform.kits`).

    Args:
        session: of the metadata database.
        scope: may configure.
        asset: number of the asset.
        version: the asset's version that was read.
        of: the type's key and version, the newest for None.
        overrides: what this asset has otherwise than its type, or besides.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownAsset: there is no such asset.
        AssetChanged: somebody changed it since.
        UnknownType: there is no such type.
        TypeRefused: type and overrides do not hold together.
    """
    scope.require(Permission.CONFIGURE)
    hold_tree(session, scope)
    kind = find_type(session, scope, *of)
    row = _asset(session, scope, asset)
    session.refresh(row)
    if row.version != version:
        raise AssetChanged(asset)
    row.type_key, row.type_version = kind.key, kind.version
    row.overrides = overrides.model_dump(mode="json", exclude_none=True)
    row.version += 1
    found = find_instance(session, scope, asset)
    session.flush()
    record_of(session, scope, "asset.typed", f"asset/{asset}", now, {"type": f"{kind.key}@{kind.version}"})
    return found


def find_instance(session: Session, scope: TenantScope, asset: int) -> Instance:
    """What an asset has by its type and by itself.

    Raises:
        AccessDenied: the scope may not read.
        UnknownAsset: there is no such asset.
        UnknownType: it has no type.
    """
    find_asset(session, scope, asset)
    row = _asset(session, scope, asset)
    if row.type_key is None or row.type_version is None:
        raise UnknownType(f"of asset {asset}")
    kind = _row(session, scope, row.type_key, row.type_version)
    if kind is None:
        raise UnknownType(f"{row.type_key}@{row.type_version}")
    overrides = Declared.model_validate(row.overrides or {})
    resolved = resolve([*_layers(_chain(session, scope, kind)), (INSTANCE, overrides)])
    parts = (resolved.attributes, resolved.signals, resolved.rules)
    return Instance(
        asset=row.id, path=row.path, type=kind.key, type_version=kind.version, overrides=overrides,
        resolved=resolved,
        overridden=tuple(key for part in parts for key, entry in part.items() if entry.overridden),
    )  # fmt: skip


def _asset(session: Session, scope: TenantScope, asset: int) -> Asset:
    row = session.scalar(select(Asset).where(Asset.tenant_id == scope.tenant_id, Asset.id == asset))
    if row is None:
        raise UnknownAsset(asset)
    return row


def _newest(session: Session, scope: TenantScope, key: str) -> AssetType | None:
    mine = select(AssetType).where(AssetType.tenant_id == scope.tenant_id, AssetType.key == key)
    return session.scalar(mine.order_by(AssetType.version.desc()).limit(1))


def _row(session: Session, scope: TenantScope, key: str, version: int) -> AssetType | None:
    return session.get(AssetType, (scope.tenant_id, key, version))


def _count(session: Session, scope: TenantScope) -> int:
    mine = AssetType.tenant_id == scope.tenant_id
    return session.scalar(select(func.count(func.distinct(AssetType.key))).where(mine)) or 0


def _chain(session: Session, scope: TenantScope, row: AssetType) -> list[AssetType]:
    """The type and what it inherits from, the most general first."""
    found = [row]
    while (key := found[0].base_key) is not None:
        base = _row(session, scope, key, found[0].base_version or 0)
        if base is None or len(found) >= MAX_INHERITANCE:
            raise TypeRefused(
                f"继承层数不能超过 {MAX_INHERITANCE}。",
                f"Types inherit over {MAX_INHERITANCE} levels at most.",
            )
        found.insert(0, base)
    return found


def _layers(chain: list[AssetType]) -> list[tuple[str, Declared]]:
    return [(f"{row.key}@{row.version}", TypeSpec.model_validate(row.spec)) for row in chain]


def _info(row: AssetType, chain: list[AssetType]) -> TypeInfo:
    spec = TypeSpec.model_validate(row.spec)
    base = None if row.base_key is None else (row.base_key, row.base_version or 0)
    own = Declared(attributes=spec.attributes, signals=spec.signals, rules=spec.rules)
    return TypeInfo(
        key=row.key, version=row.version, base=base, name_zh=spec.name_zh, name_en=spec.name_en,
        created_at=row.created_at, created_by=row.created_by, declared=own,
        resolved=resolve(_layers(chain)),
    )  # fmt: skip
