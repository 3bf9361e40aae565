"""Quotas: token buckets a tenant, and turns in front of the log and of queries.

A tenant at rest costs nothing: its buckets are made when it comes and dropped when they are full again.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tundish_platform.store.lifecycle.fair import Crowded, FairQueue, Ticket
from tundish_platform.store.log.interface import StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tundish_platform.store.lifecycle.policy import Policy

_MINUTE_S: Final = 60.0
_FULL_AGAIN_S: Final = 300.0
_SWEPT_A_TIME: Final = 2


class OverQuota(Exception):  # noqa: N818 - says how it stands
    """A tenant asked for more than its policy gives it.

    Args:
        what: ``rows``, ``bytes``, ``queries`` or ``turns``.
        retry_after_s: when it makes sense to come again.
    """

    def __init__(self, what: str, retry_after_s: float) -> None:
        en, zh = _WORDS[what]
        super().__init__(f"{en} Try again in {retry_after_s:.0f} s.")
        self.what = what
        self.retry_after_s = retry_after_s
        self.message_en = str(self)
        self.message_zh = f"{zh} 请在 {retry_after_s:.0f} 秒后重试。"


class QuotaExceeded(OverQuota, StoreFull):
    """An append beyond the quota: nothing was stored; keep the batches and come again."""


class QueryTooLong(Exception):  # noqa: N818 - says what happened
    """A query used up its time or was called off; ask for a shorter window or fewer signals."""


_WORDS: Final = {
    "rows": (
        "The tenant sends more rows than its quota; nothing was stored, so keep them.",
        "租户发送速率超过配额; 未保存任何数据, 请保留。",
    ),
    "bytes": (
        "The tenant's storage quota is used up; nothing was stored. Ask the operator for more space.",
        "租户存储配额已用完; 未保存任何数据。请联系运维人员扩容。",
    ),
    "queries": (
        "The tenant's time for queries is used up. Ask for shorter windows.",
        "租户查询时间配额已用完。请缩短查询范围。",
    ),
    "turns": (
        "Too many requests of the tenant wait already.",
        "租户等待中的请求过多。",
    ),
}


@dataclass(frozen=True, slots=True)
class LimitSizes:
    """How much may be under way at once.

    Attributes:
        append_bytes, append_bytes_each: between admission and acknowledgement, in all and per tenant.
        quantum_bytes: of one turn.
        queries, queries_each: at once, in all and per tenant; a browser asks six things at once.
        waiting_each: requests of one tenant that may wait for their turn, of each kind.
        wait_s: longest wait for a turn.
        query_s: longest query.
    """

    append_bytes: int = 64 * 1024 * 1024
    append_bytes_each: int = 16 * 1024 * 1024
    quantum_bytes: int = 1024 * 1024
    queries: int = 6
    queries_each: int = 4
    waiting_each: int = 2
    wait_s: float = 30.0
    query_s: float = 60.0


class Buckets:
    """One token bucket a tenant, for one thing.

    A request larger than the burst passes a full bucket and leaves it in debt, so the mean rate holds.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # By tenant: level, when it was so, rate, burst; in the order of the last use.
        self._levels: dict[int, tuple[float, float, float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, tenant: int, amount: float, rate: float, burst: float) -> float:
        """Take tokens; returns 0, or the seconds until there will be enough and takes none."""
        with self._lock:
            now = self._clock()
            level = self._level(tenant, now, rate, burst)
            missing = min(amount, burst) - level
            if missing > 0:
                self._put(tenant, level, now, rate, burst)
                return missing / rate
            self._put(tenant, level - amount, now, rate, burst)
            self._sweep(now, _SWEPT_A_TIME)
            return 0.0

    def charge(self, tenant: int, amount: float, rate: float, burst: float) -> None:
        """Take tokens without asking: for what is known only afterwards, or (below 0) to give some back."""
        with self._lock:
            now = self._clock()
            level = self._level(tenant, now, rate, burst)
            self._put(tenant, min(burst, level - amount), now, rate, burst)

    def sweep(self) -> None:
        """Drop all buckets that are full again."""
        with self._lock:
            self._sweep(self._clock(), len(self._levels))

    def forget(self, tenant: int) -> None:
        """Drop a tenant's bucket."""
        with self._lock:
            self._levels.pop(tenant, None)

    def _level(self, tenant: int, now: float, rate: float, burst: float) -> float:
        level, since, _, _ = self._levels.pop(tenant, (burst, now, rate, burst))
        return min(burst, level + (now - since) * rate)

    def _put(self, tenant: int, level: float, now: float, rate: float, burst: float) -> None:
        if level < burst:
            self._levels[tenant] = (level, now, rate, burst)

    def _sweep(self, now: float, most: int) -> None:
        for _ in range(most):
            tenant = next(iter(self._levels), None)
            if tenant is None:
                return
            level, since, rate, burst = self._levels.pop(tenant)
            if level + (now - since) * rate < burst:
                # To the end: a deep debt must not keep those behind it from being dropped.
                self._levels[tenant] = (level, since, rate, burst)


class Limits:
    """All that stands between a tenant and the store.

    Args:
        policy: gives a tenant's policy; asked at each request, so it must be quick.
        stored: gives the bytes a tenant has; asked only where there is a limit.
        sizes: how much may be under way.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        policy: Callable[[int], Policy],
        stored: Callable[[int], int] = lambda _: 0,
        sizes: LimitSizes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sizes = sizes = sizes or LimitSizes()
        self.policy = policy
        self.stored = stored
        self.clock = clock
        self.rows = Buckets(clock)
        self.seconds = Buckets(clock)
        self.appends = FairQueue(
            sizes.append_bytes, sizes.append_bytes_each, sizes.quantum_bytes, sizes.waiting_each
        )
        self.queries = FairQueue(sizes.queries, sizes.queries_each, 1, sizes.waiting_each)

    def appending(self, tenant: int, rows: int, size: int) -> Appending:
        """Enter it around writing the log and the buffer; entering raises `QuotaExceeded`.

        Args:
            tenant: row number.
            rows: to be appended.
            size: of their encoded batches, in bytes.
        """
        return Appending(self, tenant, rows, size)

    def querying(self, tenant: int) -> Querying:
        """Enter it around a query; it gives the query's `QueryBudget`. Entering raises `OverQuota`."""
        return Querying(self, tenant)

    def sweep(self) -> None:
        """Drop what is full again; the background turn calls it."""
        self.rows.sweep()
        self.seconds.sweep()

    def forget(self, tenant: int) -> None:
        """Drop what is known of a tenant that is gone."""
        self.rows.forget(tenant)
        self.seconds.forget(tenant)


class Appending:
    """One append: its rows are taken from the quota, and given back if it fails."""

    __slots__ = ("_limits", "_policy", "_rows", "_size", "_tenant", "_ticket")

    def __init__(self, limits: Limits, tenant: int, rows: int, size: int) -> None:
        self._limits = limits
        self._tenant = tenant
        self._rows = rows
        self._size = size
        self._policy = limits.policy(tenant)
        self._ticket: Ticket | None = None

    def __enter__(self) -> Self:
        limits, policy = self._limits, self._policy
        if policy.max_bytes is not None and limits.stored(self._tenant) >= policy.max_bytes:
            raise QuotaExceeded("bytes", _FULL_AGAIN_S)
        if policy.rows_per_s is not None:
            wait_s = limits.rows.take(self._tenant, self._rows, policy.rows_per_s, _burst(policy))
            if wait_s > 0:
                raise QuotaExceeded("rows", wait_s)
        try:
            self._ticket = limits.appends.ask(self._tenant, self._size)
            if self._ticket.granted_at < 0:
                limits.appends.wait(self._ticket, limits.sizes.wait_s)
        except Crowded:
            self._return_rows()
            raise QuotaExceeded("turns", 1.0) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ticket is not None:
            self._limits.appends.give_back(self._ticket)
        if kind is not None:
            self._return_rows()

    def _return_rows(self) -> None:
        policy = self._policy
        if policy.rows_per_s is not None:
            self._limits.rows.charge(self._tenant, -self._rows, policy.rows_per_s, _burst(policy))


class QueryBudget:
    """A query's time. Its parts call `check` between them.

    Args:
        clock: monotonic seconds.
        longest_s: from now on.
    """

    def __init__(self, clock: Callable[[], float], longest_s: float) -> None:
        self._clock = clock
        self.started = clock()
        self._longest_s = longest_s
        self._called_off = False

    def check(self) -> None:
        """Go on, or not.

        Raises:
            QueryTooLong: the time is used up, or `cancel` was called.
        """
        if self._called_off:
            raise QueryTooLong("the query was called off")
        if self.used_s > self._longest_s:
            raise QueryTooLong(
                f"the query took more than {self._longest_s:g} s; ask for a shorter window or fewer signals"
            )

    @property
    def used_s(self) -> float:
        """Seconds since it began."""
        return self._clock() - self.started

    def cancel(self) -> None:
        """Let it end at the next part; from any thread."""
        self._called_off = True


class Querying:
    """One query: it waits for a slot, and its seconds are taken from the quota at its end."""

    __slots__ = ("_budget", "_limits", "_rate", "_tenant", "_ticket")

    def __init__(self, limits: Limits, tenant: int) -> None:
        self._limits = limits
        self._tenant = tenant
        self._rate = limits.policy(tenant).query_s_per_min

    def __enter__(self) -> QueryBudget:
        limits = self._limits
        if self._rate is not None:
            # Nothing is taken yet: whoever is not in debt may ask, and pays afterwards.
            wait_s = limits.seconds.take(self._tenant, 0.0, self._rate / _MINUTE_S, self._rate)
            if wait_s > 0:
                raise OverQuota("queries", wait_s)
        try:
            self._ticket = limits.queries.ask(self._tenant, 1)
            if self._ticket.granted_at < 0:
                limits.queries.wait(self._ticket, limits.sizes.wait_s)
        except Crowded:
            raise OverQuota("turns", 1.0) from None
        self._budget = QueryBudget(limits.clock, limits.sizes.query_s)
        return self._budget

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.queries.give_back(self._ticket)
        if self._rate is not None:
            used = self._budget.used_s
            self._limits.seconds.charge(self._tenant, used, self._rate / _MINUTE_S, self._rate)


def _burst(policy: Policy) -> float:
    return float(policy.burst_rows) if policy.burst_rows is not None else _MINUTE_S * (policy.rows_per_s or 0)
