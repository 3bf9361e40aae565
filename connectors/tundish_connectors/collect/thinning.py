"""Leaving out samples that say nothing new: exception reporting and the swinging door, per signal.

Both keep every change of status, every sample beside a gap, and a sample at least each ``max_interval_s``;
when a value leaves its band, the sample before is kept too, so that the flat stretch and the step stay apart.
A signal that is thinned is declared with ``max_interval_s`` as its period: silence up to that is expected.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.samples import Severity, severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point = tuple[int, float | None, int]


class ThinRule(BaseModel):
    """What may be left out of the signals whose path fits.

    Attributes:
        paths: pattern such as ``Plant/*/Temperature``, of whole paths; ``*`` also stands for slashes.
        deadband: exception reporting: a value within this of the last kept one is left out.
        deviation: swinging door: samples are left out while one straight line passes each of them within
            this distance. One of the two is set.
        max_interval_s: longest source time between two samples that are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: str = Field(min_length=1)
    deadband: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    deviation: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_interval_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.deadband is None) == (self.deviation is None):
            raise ValueError("set either deadband or deviation")
        return self

    def fits(self, path: str) -> bool:
        """Whether the rule is meant for a signal."""
        return fnmatchcase(path, self.paths)


def rule_for(rules: Sequence[ThinRule], path: str) -> ThinRule | None:
    """The first rule that fits a path."""
    return next((rule for rule in rules if rule.fits(path)), None)


class Thinner:
    """Thins one signal. Samples come in the order of their source times; older ones pass unchanged.

    Attributes:
        left_out: samples left out so far.
    """

    def __init__(self, rule: ThinRule) -> None:
        self._band = rule.deadband
        self._deviation = rule.deviation or 0.0
        self._longest_us = round(rule.max_interval_s * 1e6)
        self._kept: Point | None = None
        self._held: Point | None = None
        self._low = -math.inf
        self._high = math.inf
        self.left_out = 0

    def take(self, ts_us: int, value: float | None, status: int) -> list[Point]:
        """The samples that are kept now that this one is known, in order; often none."""
        point = (ts_us, value, status)
        newest = self._held or self._kept
        if newest is not None and ts_us <= newest[0]:
            return [point]
        if not self._may_leave_out(point):
            kept = [*self.release(), point]
            self._keep(point)
            return kept
        if not self._within(point):
            return self._turn(point)
        if self._held is not None:
            self.left_out += 1
        self._hold(point)
        return []

    def release(self) -> list[Point]:
        """Keep what was held back, as before a gap, when the last sample is asked for, and at the end."""
        if self._held is None:
            return []
        held = self._held
        self._keep(held)
        return [held]

    def _may_leave_out(self, point: Point) -> bool:
        kept = self._kept
        if kept is None or point[1] is None or kept[1] is None:
            return False
        newest = self._held or kept
        return (
            point[2] == newest[2] == kept[2]
            and severity(point[2]) is Severity.GOOD
            and math.isfinite(point[1])
            and math.isfinite(kept[1])
            and point[0] - kept[0] <= self._longest_us
        )

    def _within(self, point: Point) -> bool:
        kept = self._kept
        if kept is None or kept[1] is None or point[1] is None:
            return False
        if self._band is not None:
            return abs(point[1] - kept[1]) <= self._band
        # The line to this point must pass every point since the kept one within the deviation.
        slope = (point[1] - kept[1]) / (point[0] - kept[0])
        return self._low <= slope <= self._high

    def _turn(self, point: Point) -> list[Point]:
        """The point before the excursion is kept; the new one is held, or kept where it is an exception."""
        kept = self.release()
        if self._band is not None:
            self._keep(point)
            return [*kept, point]
        if not kept or not self._within(point):
            self._keep(point)
            return [*kept, point]
        self._hold(point)
        return kept

    def _keep(self, point: Point) -> None:
        self._kept, self._held = point, None
        self._low, self._high = -math.inf, math.inf

    def _hold(self, point: Point) -> None:
        self._held = point
        if self._band is None and self._kept is not None:
            ts, value, _ = point
            base = self._kept[1] or 0.0
            length = ts - self._kept[0]
            self._low = max(self._low, ((value or 0.0) - self._deviation - base) / length)
            self._high = min(self._high, ((value or 0.0) + self._deviation - base) / length)


class Thinning:
    """The thinners of a source's signals.

    Attributes:
        left_out: samples left out since `take_left_out` was last asked.
    """

    def __init__(self, rules: Sequence[ThinRule]) -> None:
        self._rules = rules
        self._thinners: dict[str, Thinner | None] = {}
        self._counted = 0

    def take(self, path: str, point: Point) -> list[Point]:
        """What is kept of one more sample; everything for a signal without a rule."""
        if not self._rules:
            return [point]
        if path not in self._thinners:
            rule = rule_for(self._rules, path)
            self._thinners[path] = Thinner(rule) if rule else None
        thinner = self._thinners[path]
        return [point] if thinner is None else thinner.take(*point)

    def release(self, paths: Iterable[str] | None = None) -> list[tuple[str, Point]]:
        """What was held back of some signals, or of all."""
        chosen = list(self._thinners) if paths is None else [path for path in paths if path in self._thinners]
        return [
            (path, point)
            for path in chosen
            if (thinner := self._thinners[path]) is not None
            for point in thinner.release()
        ]

    def newly_left_out(self) -> int:
        """Samples left out since the last call."""
        total = sum(thinner.left_out for thinner in self._thinners.values() if thinner is not None)
        fresh, self._counted = total - self._counted, total
        return fresh
