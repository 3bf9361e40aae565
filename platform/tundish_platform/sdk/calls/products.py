"""The part of `Client` about orders, lots and pieces."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tundish_platform.samples import SampleKind
from tundish_platform.sdk.calls.paths import of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from tundish_platform.sdk.calls.product_answers import (
        CodeInfo,
        PrefixInfo,
        ProductDetail,
        ProductInfo,
        ProductOnAsset,
        ProductWindow,
        PublicThing,
        TracedProduct,
    )


class ProductCalls(Transport):
    """What the plant makes, its genealogy and its samples."""

    def put_products(self, tenant: str, products: Sequence[Mapping[str, Any]]) -> list[int]:
        """Declare orders, lots and pieces, at most 2,000, all or none; returns their ids.

        Args:
            tenant: its short name.
            products: ``kind, series, number`` and, as far as known, ``material, quantity, unit, order,
                made_from, stays``; what is absent stays as it was.

        Raises:
            ApiError: ``bad_rows`` with the wrong rows as ``detail["rows"]``, or another refusal.
        """
        body = {"products": [dict(product) for product in products]}
        ids: list[int] = self._json("PUT", of(tenant, "products"), json=body)["ids"]
        return ids

    def products(self, tenant: str, series: str = "", number: str = "") -> Iterator[ProductInfo]:
        """The tenant's products, or those of a series and with a number, fetched page by page."""
        asked = {"series": series, "number": number}
        return self._every(of(tenant, "products"), {name: text for name, text in asked.items() if text})

    def product(self, tenant: str, product: int) -> ProductDetail:
        """One product with what went into it."""
        found: ProductDetail = self._json("GET", of(tenant, "products", product))
        return found

    def ancestors(self, tenant: str, product: int, depth: int = 50) -> Iterator[TracedProduct]:
        """All that a product was made from, with ``depth`` and ``made_from``, fetched page by page."""
        return self._every(of(tenant, "products", product, "ancestors"), {"depth": str(depth)})

    def descendants(self, tenant: str, product: int, depth: int = 50) -> Iterator[TracedProduct]:
        """All that was made of a product, with ``depth`` and ``made_from``, fetched page by page."""
        return self._every(of(tenant, "products", product, "descendants"), {"depth": str(depth)})

    def products_on(
        self, tenant: str, asset: int, start: datetime, end: datetime
    ) -> Iterator[ProductOnAsset]:
        """Products that were on an asset or below it in some part of a window, fetched page by page."""
        window = {"start": start.isoformat(), "end": end.isoformat()}
        return self._every(of(tenant, "assets", asset, "products"), window)

    def product_windows(self, tenant: str, product: int) -> Iterator[ProductWindow]:
        """Where a product was, ``start``, ``end`` and the ``signals`` there, fetched page by page."""
        return self._every(of(tenant, "products", product, "windows"))

    def product_samples(
        self,
        tenant: str,
        product: int,
        signals: Iterable[int] | None = None,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> Iterator[tuple[ProductWindow, pa.Table]]:
        """The samples of a product, a table for each window in which it was somewhere.

        Args:
            tenant: its short name.
            product: its id.
            signals: only these; at most 500 of one window, which is what a request may name.
            kind: of the samples.
        """
        wanted = None if signals is None else set(signals)
        for window in self.product_windows(tenant, product):
            numbers = [n for n in window["signals"] if wanted is None or n in wanted]
            if numbers and datetime.fromisoformat(window["start"]) < datetime.fromisoformat(window["end"]):
                asked = {"start": window["start"], "end": window["end"], "kind": kind.value}
                numbered = asked | {"signals": ",".join(map(str, numbers))}
                yield window, self._arrow(of(tenant, "samples"), numbered)

    def withdraw_origin(self, tenant: str, product: int, origin: int) -> None:
        """Take back that a product was made from another one."""
        self._send("DELETE", of(tenant, "products", product, "origins", origin))

    def put_codes(self, tenant: str, codes: Sequence[Mapping[str, Any]]) -> list[str]:
        """Give identification codes: ``suffix`` and ``product`` (series, number) or ``asset`` (path) each."""
        given: list[str] = self._json("PUT", of(tenant, "codes"), json={"codes": [dict(c) for c in codes]})[
            "codes"
        ]
        return given

    def publish_codes(self, tenant: str, codes: Iterable[str], *, published: bool = True) -> int:
        """Tell everybody what codes are, or only the tenant again; returns how many changed."""
        body = {"codes": list(codes), "published": published}
        return int(self._post(of(tenant, "codes", "publish"), body)["changed"])

    def codes(self, tenant: str, code: str = "") -> Iterator[CodeInfo]:
        """The tenant's codes, or the one asked for, with what they lead to."""
        return self._every(of(tenant, "codes"), {"code": code} if code else {})

    def resolve(self, code: str) -> PublicThing:
        """What a published code is, whosever it is."""
        found: PublicThing = self._json("GET", "/codes", params={"code": code})
        return found

    def code_prefix(self, tenant: str) -> PrefixInfo:
        """Under which prefix the tenant gives codes."""
        found: PrefixInfo = self._json("GET", of(tenant, "code-prefix"))
        return found

    def set_code_prefix(self, tenant: str, prefix: str) -> PrefixInfo:
        """Say under which prefix the tenant gives codes; it stays once one was given."""
        found: PrefixInfo = self._json("PUT", of(tenant, "code-prefix"), json={"prefix": prefix})
        return found
