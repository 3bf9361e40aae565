"""How many requests a key and a tenant may send: token buckets in the memory of each server process."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from flask import current_app, g

from tundish_platform.api.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from flask import Response

    from tundish_platform.tenancy import Principal, TenantScope

EXTENSION: Final = "tundish_rates"
# Buckets that are full say nothing; they are dropped when so many are held.
_MOST_BUCKETS: Final = 20_000
_REFUSED_FROM: Final = 400
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit.

    Attributes:
        per_s: requests a second that may go on for ever.
        burst: requests that may come at once after a rest.
    """

    per_s: float
    burst: int

    @property
    def window_s(self) -> int:
        """Seconds in which an empty bucket is full again."""
        return max(1, math.ceil(self.burst / self.per_s))


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of a key, and of all keys of a tenant together."""

    key: Rate = field(default_factory=lambda: Rate(200.0, 2_000))
    tenant: Rate = field(default_factory=lambda: Rate(400.0, 4_000))


@dataclass(frozen=True, slots=True)
class Left:
    """What a bucket said.

    Attributes:
        taken: the request may pass.
        requests: that may come at once now.
        wait_s: until the next one may.
    """

    taken: bool
    requests: int
    wait_s: float


class Buckets:
    """A bucket for each caller: it fills with time up to the burst, and each request takes one out.

    Args:
        rate: of each bucket.
        clock: seconds, never going back.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._lock = Lock()
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, caller: Hashable) -> Left:
        """Take a request out of the caller's bucket, if there is one in it."""
        with self._lock:
            now = self._clock()
            if len(self._levels) >= _MOST_BUCKETS:
                self._drop_full(now)
            level = self._level(caller, now)
            taken = level >= 1
            level -= taken
            self._levels[caller] = (level, now)
        wait = 0.0 if level >= 1 else (1 - level) / self.rate.per_s
        return Left(taken, int(level), wait)

    def _level(self, caller: Hashable, now: float) -> float:
        level, seen = self._levels.get(caller, (float(self.rate.burst), now))
        return min(float(self.rate.burst), level + (now - seen) * self.rate.per_s)

    def _drop_full(self, now: float) -> None:
        self._levels = {
            who: at for who, at in self._levels.items() if self._level(who, now) < self.rate.burst
        }


class Rates:
    """The buckets of a server process.

    Args:
        limits: of keys and tenants.
    """

    def __init__(self, limits: RateLimits) -> None:
        self._keys = Buckets(limits.key)
        self._tenants = Buckets(limits.tenant)

    def take_for(self, principal: Principal) -> None:
        """Count a request of a key, whatever becomes of it.

        Raises:
            Problem: 429, it has sent too many.
        """
        _count("key", self._keys, (principal.person, principal.id, principal.name))

    def take_in(self, scope: TenantScope) -> None:
        """Count a request in a tenant.

        Raises:
            Problem: 429, its keys together have sent too many.
        """
        _count("tenant", self._tenants, scope.tenant_id)


def rates() -> Rates:
    """Those of the application that answers the current request."""
    found: Rates = current_app.extensions[EXTENSION]
    return found


def tell_rates(response: Response) -> Response:
    """Say in the answer how many requests are left (draft-ietf-httpapi-ratelimit-headers).

    Refusals say it only where the limit is the reason: a tenant that is not the caller's must look like none.
    """
    said: list[tuple[str, Rate, Left]] = g.get("tundish_rates", [])
    if said and (response.status_code < _REFUSED_FROM or response.status_code == _TOO_MANY):
        policies = (f'"{name}";q={rate.burst};w={rate.window_s}' for name, rate, _ in said)
        left = (f'"{name}";r={left.requests};t={math.ceil(left.wait_s)}' for name, _, left in said)
        response.headers.setdefault("RateLimit-Policy", ", ".join(policies))
        response.headers.setdefault("RateLimit", ", ".join(left))
    return response


class _TooMany(Problem):
    """429 with the seconds after which it is worth coming again."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(429)
        self._wait_s = wait_s

    def response(self) -> Response:
        """The JSON answer with Retry-After in whole seconds, rounded up."""
        answer = super().response()
        answer.headers["Retry-After"] = str(max(1, math.ceil(self._wait_s)))
        return answer


def _count(name: str, buckets: Buckets, caller: Hashable) -> None:
    left = buckets.take(caller)
    g.setdefault("tundish_rates", []).append((name, buckets.rate, left))
    if not left.taken:
        raise _TooMany(left.wait_s)
