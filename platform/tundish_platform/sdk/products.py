"""The part of `Client` about orders, lots and pieces."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tundish_platform.samples import SampleKind
from tundish_platform.sdk.transport import Transport
from tundish_platform.sdk.transport import of_tenant as _of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa


class ProductMethods(Transport):
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
        ids: list[int] = self._json("PUT", _of(tenant, "products"), json=body)["ids"]
        return ids

    def products(self, tenant: str, series: str = "", number: str = "") -> Iterator[dict[str, Any]]:
        """The tenant's products, or those of a series and with a number, fetched page by page."""
        asked = {"series": series, "number": number}
        return self._every(_of(tenant, "products"), {name: text for name, text in asked.items() if text})

    def product(self, tenant: str, product: int) -> dict[str, Any]:
        """One product with what went into it."""
        return self._object("GET", _of(tenant, "products", str(product)))

    def ancestors(self, tenant: str, product: int, depth: int = 50) -> Iterator[dict[str, Any]]:
        """All that a product was made from, with ``depth`` and ``made_from``, fetched page by page."""
        return self._every(_of(tenant, "products", str(product), "ancestors"), {"depth": str(depth)})

    def descendants(self, tenant: str, product: int, depth: int = 50) -> Iterator[dict[str, Any]]:
        """All that was made of a product, with ``depth`` and ``made_from``, fetched page by page."""
        return self._every(_of(tenant, "products", str(product), "descendants"), {"depth": str(depth)})

    def products_on(
        self, tenant: str, asset: int, start: datetime, end: datetime
    ) -> Iterator[dict[str, Any]]:
        """Products that were on an asset or below it in some part of a window, fetched page by page."""
        window = {"start": start.isoformat(), "end": end.isoformat()}
        return self._every(_of(tenant, "assets", str(asset), "products"), window)

    def product_windows(self, tenant: str, product: int) -> Iterator[dict[str, Any]]:
        """Where a product was, ``start``, ``end`` and the ``signals`` there, fetched page by page."""
        return self._every(_of(tenant, "products", str(product), "windows"))

    def product_samples(
        self,
        tenant: str,
        product: int,
        signals: Iterable[int] | None = None,
        kind: SampleKind = SampleKind.NUMERIC,
    ) -> Iterator[tuple[dict[str, Any], pa.Table]]:
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
                asked = {name: window[name] for name in ("start", "end")} | {"kind": kind.value}
                numbered = asked | {"signals": ",".join(map(str, numbers))}
                yield window, self._arrow(_of(tenant, "samples"), numbered)

    def withdraw_origin(self, tenant: str, product: int, origin: int) -> None:
        """Take back that a product was made from another one."""
        self._send("DELETE", _of(tenant, "products", str(product), "origins", str(origin)))

    def put_codes(self, tenant: str, codes: Sequence[Mapping[str, Any]]) -> list[str]:
        """Give identification codes: ``suffix`` and ``product`` (series, number) or ``asset`` (path) each."""
        given: list[str] = self._json("PUT", _of(tenant, "codes"), json={"codes": [dict(c) for c in codes]})[
            "codes"
        ]
        return given

    def publish_codes(self, tenant: str, codes: Iterable[str], *, published: bool = True) -> int:
        """Tell everybody what codes are, or only the tenant again; returns how many changed."""
        body = {"codes": list(codes), "published": published}
        return int(self._post(_of(tenant, "codes", "publish"), body)["changed"])

    def codes(self, tenant: str, code: str = "") -> Iterator[dict[str, Any]]:
        """The tenant's codes, or the one asked for, with what they lead to."""
        return self._every(_of(tenant, "codes"), {"code": code} if code else {})

    def resolve(self, code: str) -> dict[str, Any]:
        """What a published code is, whosever it is."""
        return self._object("GET", "/codes", params={"code": code})
