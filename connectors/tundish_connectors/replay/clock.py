"""`ReplayClock`: the virtual clock of a replay. How and why: docs/decisions/replay-time.md."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# However long the process slept or was busy, one call makes up for one second of it at most.
LONGEST_STEP: Final = timedelta(seconds=1)


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def fresh_start(wall: datetime, speed: float, span: timedelta) -> datetime:
    """V0 of a play that begins now; after ``span / speed`` the virtual clock meets the wall clock.

    Args:
        wall: present wall time, aware.
        speed: virtual seconds per wall second, at least 1.
        span: how much source time is played before the clocks meet.

    Returns:
        A whole second, not after `wall`.
    """
    return (wall - span * (1 - 1 / speed)).replace(microsecond=0)


class ReplayClock:
    """Runs at `speed` until it meets the wall clock, then with it. Never in the future, never backwards.

    ``V(t) = min(V0 + speed·(t - t0), t)`` as long as it is asked at least once a second; where the process
    was held up for longer, the clock lags and makes it up at `speed` instead of leaping.

    Args:
        start: virtual time now.
        speed: virtual seconds per wall second, at least 1.
        wall: the wall clock, aware; injected by tests.

    Raises:
        ValueError: the speed is below 1, which would never meet the wall clock.
    """

    def __init__(self, start: datetime, speed: float, wall: Callable[[], datetime] = utc_now) -> None:
        if speed < 1:
            raise ValueError("speed must be 1 or more")
        self._virtual = start
        self._speed = speed
        self._wall = wall
        self._seen = wall()

    def advance(self) -> datetime:
        """Virtual time now; a wall clock that was set back holds it where it is."""
        now = self._wall()
        elapsed = min(max(now - self._seen, timedelta(0)), LONGEST_STEP)
        self._seen = now
        self._virtual = max(self._virtual, min(self._virtual + elapsed * self._speed, now))
        return self._virtual
