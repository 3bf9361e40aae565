"""Identification codes in the manner of 标识解析: ``prefix/suffix`` leads to a product or an asset."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import and_, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Asset
from tundish_platform.assets.nodes import chunks, hold_tree
from tundish_platform.audit import record_of
from tundish_platform.products.declaring import assets_at, products_by_key
from tundish_platform.products.faults import Fault, RowsRefused
from tundish_platform.products.models import CodePrefix, IdentificationCode, Product
from tundish_platform.products.seeing import seen_by
from tundish_platform.products.specs import Reference
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_ASSIGNED: Final = 5_000
MAX_PAGE: Final = 1_000
# Country, trade or secondary node, enterprise; as in the code rules of the trades.
Prefix = Annotated[str, Field(pattern=r"^[0-9]{2}\.[0-9]{1,10}\.[0-9A-Za-z]{1,20}$")]
Suffix = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]


class PrefixRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The prefix cannot be this tenant's, or there is none yet.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


class UnknownCode(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """Nobody has the code, or nobody published it; the two cannot be told apart."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrefixInfo(_Said):
    """The tenant's prefix, such as ``88.123.45678``."""

    prefix: Prefix


class CodeSpec(_Said):
    """A code for one product or one asset.

    Attributes:
        suffix: what stands behind the prefix and the slash.
        asset: its path.
    """

    suffix: Suffix
    product: Reference | None = None
    asset: Annotated[str, Field(max_length=400, pattern=r"^[^\x00-\x1f]*$")] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.product is None) is (self.asset is None):
            raise ValueError("a code is of one product or of one asset")
        return self


class CodeInfo(BaseModel):
    """A code as its tenant sees it."""

    model_config = ConfigDict(frozen=True)

    id: int
    code: str
    product: int | None
    asset: int | None
    published_at: datetime | None


class PublicThing(BaseModel):
    """All that is told of a published code, to whoever asks.

    Attributes:
        kind: ``order``, ``lot``, ``piece`` or ``asset``.
        number, material: of a product.
        name_zh, name_en: of an asset.
        enterprise_zh, enterprise_en: whose it is.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    kind: str
    number: str
    material: str
    name_zh: str
    name_en: str
    enterprise_zh: str
    enterprise_en: str
    published_at: datetime


def find_prefix(session: Session, scope: TenantScope) -> str:
    """The tenant's prefix.

    Raises:
        AccessDenied: the scope may not read.
        PrefixRefused: it has none.
    """
    scope.require(Permission.READ)
    return _prefix(session, scope)


def set_prefix(session: Session, scope: TenantScope, prefix: str, now: datetime) -> None:
    """Say under which prefix the tenant gives codes.

    Raises:
        AccessDenied: the scope may not manage the tenant.
        PrefixRefused: it is another tenant's, or codes were given under another one.
    """
    scope.require(Permission.MANAGE)
    hold_tree(session, scope)
    row = session.scalar(select(CodePrefix).where(CodePrefix.tenant_id == scope.tenant_id))
    if row is not None and row.prefix == prefix:
        return
    given = select(IdentificationCode.id).where(IdentificationCode.tenant_id == scope.tenant_id).limit(1)
    if row is not None and session.scalar(given) is not None:
        raise PrefixRefused(
            f"已按前缀 {row.prefix} 发码, 不能更改前缀。",
            f"Codes were given under {row.prefix}, so the prefix stays.",
        )
    if row is None:
        row = CodePrefix(tenant_id=scope.tenant_id)
        session.add(row)
    row.prefix, row.set_at = prefix, now
    try:
        session.flush()
    except IntegrityError as error:
        raise PrefixRefused(
            f"前缀 {prefix} 已属于其他企业。请核对, 或联系运维人员。",
            f"The prefix {prefix} is another enterprise's. Check it, or ask the operator.",
        ) from error
    record_of(session, scope, "code.prefix_set", prefix, now)


def assign_codes(session: Session, scope: TenantScope, specs: Sequence[CodeSpec]) -> list[str]:
    """Give codes, all or none; the same again does nothing.

    Returns:
        The whole codes, in the order asked for.

    Raises:
        AccessDenied: the scope may not configure.
        PrefixRefused: the tenant has no prefix yet.
        RowsRefused: a code is given twice or is another thing's, or there is no such thing.
    """
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()
    hold_tree(session, scope)
    prefix = _prefix(session, scope)
    codes = [f"{prefix}/{spec.suffix}" for spec in specs]
    things = _things(session, scope, specs)
    known = {row.code: (row.product_id, row.asset_id) for row in _rows(session, scope, codes)}
    faults: list[Fault] = []
    for row, (code, thing) in enumerate(zip(codes, things, strict=True)):
        if thing is None:
            faults.append(Fault(row, "product", "or asset is not there", "没有该产品或设备"))
        elif known.get(code, thing) != thing:
            faults.append(Fault(row, "suffix", "is another thing's code", "编码已属于其他对象"))
        elif code not in known:
            known[code] = thing
            session.add(
                IdentificationCode(
                    tenant_id=scope.tenant_id, code=code, product_id=thing[0], asset_id=thing[1]
                )
            )
    if faults:
        raise RowsRefused(faults)
    session.flush()
    return codes


def publish_codes(
    session: Session, scope: TenantScope, codes: Sequence[str], now: datetime, *, published: bool
) -> int:
    """Tell everybody what codes are, or only the tenant again; all of them or none.

    Returns:
        How many changed.

    Raises:
        AccessDenied: the scope may not manage the tenant.
        RowsRefused: there are no such codes.
    """
    scope.require(Permission.MANAGE)
    scope.require_all_signals()
    rows = {row.code: row for row in _rows(session, scope, codes)}
    en, zh = "is no code of this tenant", "不是本企业的编码"
    if faults := [Fault(row, "codes", en, zh) for row, code in enumerate(codes) if code not in rows]:
        raise RowsRefused(faults)
    changed = [row.id for row in rows.values() if (row.published_at is not None) is not published]
    for part in chunks(changed):
        session.execute(
            update(IdentificationCode)
            .where(IdentificationCode.tenant_id == scope.tenant_id, IdentificationCode.id.in_(part))
            .values(published_at=now if published else None)
        )
    if changed:
        action = "code.published" if published else "code.unpublished"
        detail = {"codes": sorted(rows)[:100], "count": len(changed)}
        record_of(session, scope, action, f"{len(changed)} codes", now, detail)
    return len(changed)


def list_codes(
    session: Session, scope: TenantScope, *, code: str = "", product: int = 0, after: int = 0,
    limit: int = MAX_PAGE,
) -> list[CodeInfo]:  # fmt: skip
    """The tenant's codes by row, a page at a time; with ``code`` or ``product`` only what fits."""
    query = select(IdentificationCode).where(
        IdentificationCode.tenant_id == scope.tenant_id, IdentificationCode.id > after, _seen(scope)
    )
    if code:
        query = query.where(IdentificationCode.code == code)
    if product:
        query = query.where(IdentificationCode.product_id == product)
    rows = session.scalars(query.order_by(IdentificationCode.id).limit(min(limit, MAX_PAGE)))
    return [
        CodeInfo(
            id=row.id, code=row.code, product=row.product_id, asset=row.asset_id,
            published_at=row.published_at,
        )
        for row in rows
    ]  # fmt: skip


def published_thing(session: Session, code: str) -> PublicThing:
    """What a published code is, whosever it is.

    Args:
        session: above tenants.
        code: the whole.

    Raises:
        UnknownCode: nobody published it.
    """
    query = (
        select(IdentificationCode, Product, Asset, Tenant)
        .join(Tenant, Tenant.id == IdentificationCode.tenant_id)
        .outerjoin(Product, Product.id == IdentificationCode.product_id)
        .outerjoin(Asset, Asset.id == IdentificationCode.asset_id)
        .where(IdentificationCode.code == code, IdentificationCode.published_at.is_not(None))
    )
    found = session.execute(query).one_or_none()
    since = None if found is None else found[0].published_at
    if found is None or since is None:
        raise UnknownCode(code)
    row, product, asset, tenant = found
    return PublicThing(
        code=row.code, kind=product.kind if product else "asset",
        number=product.number if product else "", material=product.material if product else "",
        name_zh=asset.name_zh if asset else "", name_en=asset.name_en if asset else "",
        enterprise_zh=tenant.name_zh, enterprise_en=tenant.name_en, published_at=since,
    )  # fmt: skip


def _prefix(session: Session, scope: TenantScope) -> str:
    prefix = session.scalar(select(CodePrefix.prefix).where(CodePrefix.tenant_id == scope.tenant_id))
    if prefix is None:
        raise PrefixRefused(
            "尚未设置标识前缀。请先填写二级节点分配的前缀。",
            "There is no prefix yet. Set the one that the secondary node gave to the enterprise.",
        )
    return prefix


def _things(
    session: Session, scope: TenantScope, specs: Sequence[CodeSpec]
) -> list[tuple[int | None, int | None] | None]:
    """Row of the product and of the asset, of which one is there; None for a thing that is not."""
    products = products_by_key(session, scope, {spec.product.key for spec in specs if spec.product})
    assets = assets_at(session, scope, sorted({spec.asset for spec in specs if spec.asset is not None}))
    found: list[tuple[int | None, int | None] | None] = []
    for spec in specs:
        if spec.product is not None:
            row = products.get(spec.product.key)
            found.append(None if row is None else (row.id, None))
        else:
            number = assets.get(spec.asset or "")
            found.append(None if number is None else (None, number))
    return found


def _rows(session: Session, scope: TenantScope, codes: Sequence[str]) -> list[IdentificationCode]:
    found: list[IdentificationCode] = []
    for part in chunks(codes):
        mine = (IdentificationCode.tenant_id == scope.tenant_id, IdentificationCode.code.in_(part))
        found += session.scalars(select(IdentificationCode).where(*mine))
    return found


def _seen(scope: TenantScope) -> ColumnElement[bool]:
    places = scope.places()
    if places is None:
        return true()
    products = select(Product.id).where(Product.tenant_id == scope.tenant_id, seen_by(scope))
    assets = select(Asset.id).where(and_(Asset.tenant_id == scope.tenant_id, lying_in(Asset.path, places)))
    return or_(IdentificationCode.product_id.in_(products), IdentificationCode.asset_id.in_(assets))
