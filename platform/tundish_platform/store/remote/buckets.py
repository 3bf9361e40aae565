"""A tenant's query time as the writer counts it, for all processes of the machine together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.store.lifecycle.quota import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tundish_platform.store.remote.protocol import Message


class WriterBuckets(Buckets):
    """`Buckets` whose levels lie in the writer; while it is away, in this process.

    Args:
        ask: puts a request to the writer; None where it does not answer.
        own: used without the writer.
    """

    def __init__(self, ask: Callable[[Mapping[str, Any]], Message | None], own: Buckets) -> None:
        self._ask = ask
        self._own = own

    def __len__(self) -> int:
        return len(self._own)

    def take(self, tenant: int, amount: float, rate: float, burst: float) -> float:
        """Take tokens; returns 0, or the seconds until there will be enough and takes none."""
        told = self._ask({"do": "take", "tenant": tenant, "amount": amount, "rate": rate, "burst": burst})
        if told is None:
            return self._own.take(tenant, amount, rate, burst)
        return float(told.head["wait_s"])

    def charge(self, tenant: int, amount: float, rate: float, burst: float) -> None:
        """Take tokens without asking."""
        head = {"do": "charge", "tenant": tenant, "amount": amount, "rate": rate, "burst": burst}
        if self._ask(head) is None:
            self._own.charge(tenant, amount, rate, burst)

    def sweep(self) -> None:
        """Drop those of this process that are full again."""
        self._own.sweep()

    def forget(self, tenant: int) -> None:
        """Drop a tenant's bucket of this process."""
        self._own.forget(tenant)
