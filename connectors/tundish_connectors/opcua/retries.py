"""When signals that failed are tried again: soon at first, then less and less often."""

from __future__ import annotations

from dataclasses import dataclass

_GROWTH = 2.0


@dataclass
class Retries:
    """A waiting time that doubles while something keeps failing.

    Attributes:
        first_s, limit_s: shortest and longest wait in seconds.
        tries: failures in a row.
    """

    first_s: float = 5.0
    limit_s: float = 600.0
    tries: int = 0
    _at: float | None = None

    def note(self, failing: bool, now: float) -> None:
        """Something fails, or nothing does."""
        if not failing:
            self.tries, self._at = 0, None
            return
        self._at = now + min(self.limit_s, self.first_s * _GROWTH ** min(self.tries, 32))
        self.tries += 1

    def due(self, now: float) -> bool:
        """Whether it is time for another try."""
        return self._at is not None and now >= self._at
