"""How far each signal has come, and records of what was never received.

A signal can be *pending*: something may have been missed. At its next sample the record is written, from just
behind the last known sample to the new one. Times are microseconds of source time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.samples import GapReason

GapRow = tuple[str, int, int, str]
_DAY_US = 86_400_000_000
# A value sent on change only holds until shortly before a loss: anything older has been reported by then.
_HELD_MARGIN_US = 60_000_000


@dataclass
class Progress:
    """Follows the newest source time of every signal by path.

    Attributes:
        last: newest source time by path.
        pending: since when something may be missing, and why, by path.
    """

    last: dict[str, int] = field(default_factory=dict)
    pending: dict[str, tuple[int, str]] = field(default_factory=dict)

    def copy(self) -> Progress:
        """The present state, to go back to when a batch could not be kept."""
        return Progress(dict(self.last), dict(self.pending))

    def lost(self, reason: GapReason, paths: Iterable[str], now_us: int, held: Mapping[str, bool]) -> None:
        """Something may be missing from now on; an earlier reason stays. Unknown signals have no gap.

        Args:
            reason: told in the record.
            paths: the signals.
            now_us: the wall clock; values of held signals are known until shortly before.
            held: which signals send on change only.
        """
        for path in paths:
            last = self.last.get(path)
            if last is not None and path not in self.pending:
                known = now_us - _HELD_MARGIN_US if held.get(path, True) else last
                self.pending[path] = (max(last + 1, known), reason.value)

    def observe(self, path: str, ts_us: int, arrival_us: int) -> GapRow | None:
        """Follow one sample; returns the record that it closes, if any.

        Times more than a day ahead are kept as samples but never make everything later look late.
        """
        if not 0 <= ts_us <= arrival_us + _DAY_US:
            return None
        last = self.last.get(path)
        if last is not None and ts_us <= last:
            if ts_us == last:
                # The very sample known last is still the newest: nothing was missed.
                self.pending.pop(path, None)
            return None
        self.last[path] = ts_us
        since, reason = self.pending.pop(path, (ts_us, ""))
        return (path, since, ts_us, reason) if ts_us > since else None

    def silent(self, periods_us: Mapping[str, int], now_us: int, grace_us: int) -> list[str]:
        """Paths of which nothing came for ten expected periods and the grace; without a period none."""
        return sorted(
            path
            for path, period in periods_us.items()
            if (last := self.last.get(path)) is not None and now_us - last > max(10 * period, grace_us)
        )
