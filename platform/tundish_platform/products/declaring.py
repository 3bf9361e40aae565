"""Declaring products in bulk: all of a body or nothing, and nothing twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tundish_platform.assets.models import Asset
from tundish_platform.assets.nodes import chunks, hold_tree
from tundish_platform.products.faults import Fault, RowsRefused
from tundish_platform.products.graph import MadeOfItself, check_no_circle
from tundish_platform.products.models import Origin, Product, Stay
from tundish_platform.products.specs import MAX_ORIGINS, Declared, OriginSpec, ProductKind, ProductSpec
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_DECLARED: Final = 2_000
_Key = tuple[str, str]


def declare_products(
    session: Session, scope: TenantScope, specs: Sequence[ProductSpec], now: datetime
) -> Declared:
    """Make products known, or say more of known ones; doing it again does nothing.

    Args:
        session: of the metadata database.
        scope: with the permission to ingest.
        specs: at most `MAX_DECLARED`; they may refer to each other in any order.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not ingest.
        RowsRefused: a product is given twice, is of another kind, refers to what is not there, or would
            be made of itself.
        TraceTooLong: too much was made of a product for it to get another origin.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    # Two bodies at once could close a circle, or make a product twice.
    hold_tree(session, scope)
    work = _Work(session, scope, specs)
    work.check()
    made = work.write_products(now)
    changed = work.write_origins()
    work.write_stays()
    session.flush()
    try:
        check_no_circle(session, scope, changed)
    except MadeOfItself as error:
        raise RowsRefused([work.circle(set(error.ids))]) from error
    return Declared(ids=[work.known[spec.key].id for spec in specs], made=made)


class _Work:
    """One body on its way into the tables."""

    def __init__(self, session: Session, scope: TenantScope, specs: Sequence[ProductSpec]) -> None:
        self._session, self._scope, self._specs = session, scope, specs
        named = [ref for spec in specs for ref in (spec, spec.order, *spec.made_from) if ref is not None]
        self.known = products_by_key(session, scope, {ref.key for ref in named})
        paths = {stay.path for spec in specs for stay in spec.stays}
        self._assets = assets_at(session, scope, sorted(paths))

    def check(self) -> None:
        kinds = {key: ProductKind(row.kind) for key, row in self.known.items()}
        faults: list[Fault] = []
        met: set[_Key] = set()
        for row, spec in enumerate(self._specs):
            if spec.key in met:
                faults.append(Fault(row, "number", "is declared twice", "重复声明"))
            elif kinds.setdefault(spec.key, spec.kind) is not spec.kind:
                held = kinds[spec.key]
                faults.append(
                    Fault(row, "kind", f"is {spec.kind}, but {spec} is known as {held}", f"已登记为 {held}")
                )
            met.add(spec.key)
        for row, spec in enumerate(self._specs):
            faults += _faults_of_references(row, spec, kinds)
            faults += [
                Fault(row, "stays", f"names {stay.path}, which is no asset", f"没有设备节点 {stay.path}")
                for stay in spec.stays
                if stay.path not in self._assets
            ]
        if faults:
            raise RowsRefused(faults)

    def write_products(self, now: datetime) -> int:
        made = 0
        for spec in self._specs:
            if spec.key not in self.known:
                made += 1
                self.known[spec.key] = row = Product(
                    tenant_id=self._scope.tenant_id, kind=spec.kind.value, series=spec.series,
                    number=spec.number, material="", unit="", declared_at=now,
                )  # fmt: skip
                self._session.add(row)
            _take(self.known[spec.key], spec)
        self._session.flush()
        for spec in self._specs:
            if spec.order is not None:
                self.known[spec.key].order_id = self.known[spec.order.key].id
        return made

    def write_origins(self) -> set[int]:
        """Products that got an origin which they had not."""
        makers = [spec for spec in self._specs if spec.made_from]
        held = _origins_of(self._session, self._scope, [self.known[spec.key].id for spec in makers])
        changed: set[int] = set()
        for spec in makers:
            product = self.known[spec.key].id
            for origin in spec.made_from:
                key = (product, self.known[origin.key].id)
                if key not in held:
                    changed.add(product)
                    held[key] = row = Origin(
                        tenant_id=self._scope.tenant_id, product_id=key[0], from_id=key[1], position=""
                    )
                    self._session.add(row)
                _take(held[key], origin)
        self._check_origins(Counter(product for product, _ in held))
        return changed

    def _check_origins(self, counts: Counter[int]) -> None:
        en, zh = f"has more than {MAX_ORIGINS} origins", f"来源超过 {MAX_ORIGINS} 个"
        too_many = [n for n, s in enumerate(self._specs) if counts[self.known[s.key].id] > MAX_ORIGINS]
        if too_many:
            raise RowsRefused([Fault(row, "made_from", en, zh) for row in too_many])

    def write_stays(self) -> None:
        staying = [spec for spec in self._specs if spec.stays]
        held = _stays_of(self._session, self._scope, [self.known[spec.key].id for spec in staying])
        for spec in staying:
            for stay in spec.stays:
                key = (self.known[spec.key].id, self._assets[stay.path], stay.starts_at)
                if key not in held:
                    held[key] = row = Stay(
                        tenant_id=self._scope.tenant_id, product_id=key[0], asset_id=key[1], starts_at=key[2]
                    )
                    self._session.add(row)
                if stay.ends_at is not None:
                    held[key].ends_at = stay.ends_at

    def circle(self, ids: set[int]) -> Fault:
        row = next(n for n, spec in enumerate(self._specs) if self.known[spec.key].id in ids)
        spec = self._specs[row]
        return Fault(row, "made_from", f"would make {spec} of itself", f"使 {spec} 由其自身制成")


def _take(row: Product | Origin, said: ProductSpec | OriginSpec) -> None:
    fields = (
        ("position", "starts_at", "ends_at") if isinstance(row, Origin) else ("material", "quantity", "unit")
    )
    for name in fields:
        if (value := getattr(said, name)) is not None:
            setattr(row, name, value)


def _faults_of_references(row: int, spec: ProductSpec, kinds: dict[_Key, ProductKind]) -> Iterable[Fault]:
    for name, refs in (("order", [spec.order] if spec.order else []), ("made_from", spec.made_from)):
        for ref in refs:
            kind = kinds.get(ref.key)
            if kind is None:
                yield Fault(row, name, f"names {ref}, which nobody declared", f"引用了未声明的 {ref}")
            elif (kind is ProductKind.ORDER) is not (name == "order"):
                yield Fault(row, name, f"names {ref}, which is {kind}", f"{ref} 的类别为 {kind}")
    if spec.kind is ProductKind.ORDER and (spec.made_from or spec.stays or spec.order):
        yield Fault(
            row, "kind", "is order: it is nowhere and made of nothing", "为订单, 不能有来源、停留或所属订单"
        )


def products_by_key(session: Session, scope: TenantScope, keys: Iterable[_Key]) -> dict[_Key, Product]:
    """Product by series and number, of those that exist."""
    numbers: dict[str, list[str]] = {}
    for series, number in sorted(keys):
        numbers.setdefault(series, []).append(number)
    found: dict[_Key, Product] = {}
    for series, wanted in numbers.items():
        for part in chunks(wanted):
            query = select(Product).where(
                Product.tenant_id == scope.tenant_id, Product.series == series, Product.number.in_(part)
            )
            found |= {(row.series, row.number): row for row in session.scalars(query)}
    return found


def assets_at(session: Session, scope: TenantScope, paths: Sequence[str]) -> dict[str, int]:
    """Number of the asset by path, of those that exist."""
    found: dict[str, int] = {}
    for part in chunks(paths):
        query = select(Asset.path, Asset.id).where(Asset.tenant_id == scope.tenant_id, Asset.path.in_(part))
        found |= dict(session.execute(query).all())
    return found


def _origins_of(
    session: Session, scope: TenantScope, products: Sequence[int]
) -> dict[tuple[int, int], Origin]:
    found: dict[tuple[int, int], Origin] = {}
    for part in chunks(products):
        query = select(Origin).where(Origin.tenant_id == scope.tenant_id, Origin.product_id.in_(part))
        found |= {(row.product_id, row.from_id): row for row in session.scalars(query)}
    return found


def _stays_of(
    session: Session, scope: TenantScope, products: Sequence[int]
) -> dict[tuple[int, int, datetime], Stay]:
    found: dict[tuple[int, int, datetime], Stay] = {}
    for part in chunks(products):
        query = select(Stay).where(Stay.tenant_id == scope.tenant_id, Stay.product_id.in_(part))
        found |= {(row.product_id, row.asset_id, row.starts_at): row for row in session.scalars(query)}
    return found
