"""What the API answers about products, codes, contracts and tables."""

from __future__ import annotations

from typing_extensions import TypedDict


class Changes(TypedDict):
    """What a table does, or would do."""

    applied: bool
    new: int
    changed: int
    kept: int
    rows: list[TableRow]


class CodeInfo(TypedDict):
    """A code as its tenant sees it."""

    id: int
    code: str
    product: int | None
    asset: int | None
    published_at: str | None


class ContractInfo(TypedDict):
    """A version of a contract."""

    name: str
    version: int
    revision: int
    source: str
    said_at: str
    said_by: str
    replaced_at: str | None


class ContractDetail(ContractInfo):
    """A version with its terms, as far as the scope sees the signals."""

    signals: list[Term]
    unmet: list[Unmet]


class OriginInfo(TypedDict):
    """What went into a product."""

    product: int
    position: str
    starts_at: str | None
    ends_at: str | None


class PrefixInfo(TypedDict):
    """The tenant's prefix, such as ``88.123.45678``."""

    prefix: str


class ProductInfo(TypedDict):
    """A product as the tenant knows it."""

    id: int
    kind: str
    series: str
    number: str
    material: str
    quantity: float | None
    unit: str
    order: int | None
    declared_at: str


class ProductDetail(ProductInfo):
    """A product with what went into it directly."""

    made_from: list[OriginInfo]


class ProductOnAsset(TypedDict):
    """A product that was on an asset."""

    id: int
    product: int
    kind: str
    series: str
    number: str
    asset: int
    starts_at: str
    ends_at: str | None


class ProductWindow(TypedDict):
    """Whose samples belong to a product: those of these signals from ``start`` to ``end``."""

    id: int
    asset: int
    path: str
    start: str
    end: str
    open: bool
    signals: list[int]


class PublicThing(TypedDict):
    """All that is told of a published code, to whoever asks."""

    code: str
    kind: str
    number: str
    material: str
    name_zh: str
    name_en: str
    enterprise_zh: str
    enterprise_en: str
    published_at: str


class TableRow(TypedDict):
    """A row that does something."""

    row: int
    path: str
    change: str
    fields: list[str]


class Term(TypedDict):
    """What is promised of one signal."""

    path: str
    kind: str
    unit: str
    semantic: str
    period_s: float | None


class TracedProduct(ProductInfo):
    """A product on the way through the genealogy."""

    depth: int
    made_from: list[int]


class Unmet(TypedDict):
    """Where a signal is not as promised now; ``is_now`` is null for a signal that nobody declared."""

    path: str
    field: str
    promised: str | float | None
    is_now: str | float | None
