"""How many requests a key, a tenant and a stranger may send: token buckets in memory, by server process."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from flask import current_app, g

from tundish_platform.api.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from flask import Response

    from tundish_platform.tenancy import Principal, TenantScope

EXTENSION: Final = "tundish_rates"
# Of each kind. Who comes from ever new addresses must not fill the memory with them.
MOST_BUCKETS: Final = 20_000
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
    """How many requests may come.

    Attributes:
        key: from a key, or a person's sessions.
        tenant: from all keys of a tenant together.
        stranger: from an address without a token or with a bad one.
        door: from an address at the routes that let people in: a password's hash is slow to check.
    """

    key: Rate = field(default_factory=lambda: Rate(200.0, 2_000))
    tenant: Rate = field(default_factory=lambda: Rate(400.0, 4_000))
    stranger: Rate = field(default_factory=lambda: Rate(20.0, 200))
    door: Rate = field(default_factory=lambda: Rate(2.0, 60))


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
            level = self._level(caller, now)
            taken = level >= 1
            level -= taken
            # At the end again, so that the first one is always who has been silent for longest.
            self._levels.pop(caller, None)
            self._levels[caller] = (level, now)
            if len(self._levels) > MOST_BUCKETS:
                del self._levels[next(iter(self._levels))]
        wait = 0.0 if level >= 1 else (1 - level) / self.rate.per_s
        return Left(taken, int(level), wait)

    def _level(self, caller: Hashable, now: float) -> float:
        level, seen = self._levels.get(caller, (float(self.rate.burst), now))
        return min(float(self.rate.burst), level + (now - seen) * self.rate.per_s)


class Rates:
    """The buckets of a server process.

    Args:
        limits: of keys, tenants and addresses.
        clock: seconds, never going back.
    """

    def __init__(self, limits: RateLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = Buckets(limits.key, clock)
        self._tenants = Buckets(limits.tenant, clock)
        self._strangers = Buckets(limits.stranger, clock)
        self._doors = Buckets(limits.door, clock)

    def take_for(self, principal: Principal) -> None:
        """Count a request of a key, whatever becomes of it.

        Raises:
            Problem: 429, it has sent too many.
        """
        _count("key", self._keys, caller_of(principal))

    def take_in(self, scope: TenantScope) -> None:
        """Count a request in a tenant.

        Raises:
            Problem: 429, its keys together have sent too many.
        """
        _count("tenant", self._tenants, scope.tenant_id)

    def take_stranger(self, address: str) -> None:
        """Count a request without a token that is good for anything.

        Raises:
            Problem: 429, its address has sent too many.
        """
        _count("address", self._strangers, address)

    def take_at_door(self, address: str) -> None:
        """Count an attempt to come in with a secret, whatever becomes of it.

        Raises:
            Problem: 429, its address has made too many.
        """
        _count("door", self._doors, address)


def caller_of(principal: Principal) -> tuple[bool, int, str]:
    """What tells a caller from all others: people and keys are numbered apart, and jobs only have names."""
    return principal.person, principal.id, principal.name


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
        headers = response.headers
        if "RateLimit-Policy" not in headers:
            headers.add("RateLimit-Policy", ", ".join([_policy(name, rate) for name, rate, _ in said]))
        if "RateLimit" not in headers:
            told = [f'"{name}";r={left.requests};t={math.ceil(left.wait_s)}' for name, _, left in said]
            headers.add("RateLimit", ", ".join(told))
    return response


@lru_cache(maxsize=32)
def _policy(name: str, rate: Rate) -> str:
    return f'"{name}";q={rate.burst};w={rate.window_s}'


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
