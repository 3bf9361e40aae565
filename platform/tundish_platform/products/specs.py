"""What is said of orders, lots and pieces, and what is answered of them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from tundish_platform.samples.units import units

MAX_ORIGINS: Final = 1_000
MAX_STAYS: Final = 1_000
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class ProductKind(StrEnum):
    """What a product is.

    An ``order`` is what somebody wants, a ``lot`` is material without parts that have names (a heat, a wafer
    lot, a drum of solder), a ``piece`` is one thing (a slab, a coil, a module). ISA-95 calls the last two
    material lot and sublot.
    """

    ORDER = "order"
    LOT = "lot"
    PIECE = "piece"


def _storable(at: datetime) -> datetime:
    if not _EARLIEST <= at < _LATEST:
        raise ValueError("an instant lies from 1970 to 2200")
    return at


def _known_unit(code: str) -> str:
    if code and code not in units():
        raise ValueError(f"{code} is no unit of the vocabulary")
    return code


Instant = Annotated[AwareDatetime, AfterValidator(_storable)]
# A blank at either end would make two numbers that look the same.
Word = r"^[^\x00-\x20](?:[^\x00-\x1f]*[^\x00-\x20])?$"
_Series = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
_Number = Annotated[str, Field(max_length=120, pattern=Word)]
_Text = Annotated[str, Field(max_length=120, pattern=r"^[^\x00-\x1f]*$")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Said):
    """A product by its number in its series."""

    series: _Series
    number: _Number

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others of the tenant."""
        return self.series, self.number

    def __str__(self) -> str:
        return f"{self.series} {self.number}"


class OriginSpec(Reference):
    """What went into a product, when, and where in it that is."""

    position: Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f]*$")] | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None


class StaySpec(_Said):
    """Where a product was, and when.

    Attributes:
        path: of the line, machine or component; it must be in the equipment tree.
        ends_at: absent while it is there.
    """

    path: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]*$")]
    starts_at: Instant
    ends_at: Instant | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must come after starts_at")
        return self


class ProductSpec(Reference):
    """A product as its source declares it. What is absent stays as it was.

    Attributes:
        order: for which it is made.
        made_from: what went into it; what was said before stays.
        stays: where it was; one that is known gets the new end.
    """

    kind: ProductKind
    material: _Text | None = None
    quantity: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    unit: Annotated[str, AfterValidator(_known_unit)] | None = None
    order: Reference | None = None
    made_from: Annotated[tuple[OriginSpec, ...], Field(max_length=MAX_ORIGINS)] = ()
    stays: Annotated[tuple[StaySpec, ...], Field(max_length=MAX_STAYS)] = ()


class ProductInfo(BaseModel):
    """A product as the tenant knows it.

    Attributes:
        order: number of the order's row, as in ``id``.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    kind: ProductKind
    series: str
    number: str
    material: str
    quantity: float | None
    unit: str
    order: int | None
    declared_at: datetime


class OriginInfo(BaseModel):
    """What went into a product."""

    model_config = ConfigDict(frozen=True)

    product: int
    position: str
    starts_at: datetime | None
    ends_at: datetime | None


class ProductDetail(ProductInfo):
    """A product with what went into it directly."""

    made_from: list[OriginInfo]


class TracedProduct(ProductInfo):
    """A product on the way through the genealogy.

    Attributes:
        depth: steps from the product asked about, on the shortest way.
        made_from: what went into it directly.
    """

    depth: int
    made_from: list[int]


class ProductWindow(BaseModel):
    """Whose samples belong to a product: those of these signals from ``start`` to ``end``.

    Attributes:
        id: of the stay.
        path: of the asset it was on.
        open: it is there still, so that ``end`` is now.
        signals: numbers of what is measured on the asset and below it.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    asset: int
    path: str
    start: datetime
    end: datetime
    open: bool
    signals: list[int]


class ProductOnAsset(BaseModel):
    """A product that was on an asset.

    Attributes:
        id: of the stay.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    product: int
    kind: ProductKind
    series: str
    number: str
    asset: int
    starts_at: datetime
    ends_at: datetime | None


class Declared(BaseModel):
    """What a declaration did.

    Attributes:
        ids: of the products, in the order in which they were declared.
        made: how many were not known before.
    """

    model_config = ConfigDict(frozen=True)

    ids: list[int]
    made: int
