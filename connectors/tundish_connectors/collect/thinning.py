"""Leaving out samples that say nothing new: exception reporting and the swinging door, per signal.

Both keep every change of status, every sample beside a gap, and a sample at least each ``max_interval_s``;
when a value leaves its band, the sample before is kept too, so that the flat stretch and the step stay apart.
A signal that is thinned is declared with ``max_interval_s`` as its period: silence up to that is expected.
One sample of each signal is held back in memory. After a kill the gap begins behind the last one on disk.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tundish_platform.samples import SampleKind, Severity, severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tundish_platform.samples import SignalSpec

Point = tuple[int, float | None, int]
_Key = TypeVar("_Key", bound=Hashable)
_State = tuple[Point | None, Point | None, float, float, int]


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


def as_thinned(rules: Sequence[ThinRule], spec: SignalSpec) -> SignalSpec:
    """A signal as it is declared: silence that was asked for must not look like a loss."""
    rule = rule_for(rules, spec.path)
    if rule is None or spec.kind is not SampleKind.NUMERIC or spec.period_s is None:
        return spec
    return spec.model_copy(update={"period_s": max(spec.period_s, rule.max_interval_s)})


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

    def cut(self) -> list[Point]:
        """Keep what was held back and, whatever it is, the next sample: a gap may lie between them."""
        held = self.release()
        self._kept = None
        return held

    @property
    def state(self) -> _State:
        """All that changes, to go back to."""
        return self._kept, self._held, self._low, self._high, self.left_out

    @state.setter
    def state(self, state: _State) -> None:
        self._kept, self._held, self._low, self._high, self.left_out = state

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


class Thinning(Generic[_Key]):
    """The thinners of a source's numeric signals, by key: whatever the caller tells signals apart by.

    What was taken since `settle` can be taken back with `go_back`, when it could not be kept.
    """

    def __init__(self, rules: Sequence[ThinRule]) -> None:
        self._rules = rules
        self._thinners: dict[_Key, Thinner] = {}
        self._before: dict[_Key, _State] = {}
        self._counted = 0

    def follow(self, key: _Key, path: str) -> bool:
        """Thin a signal from now on, if a rule fits its path; returns whether one does."""
        rule = rule_for(self._rules, path)
        if rule is not None and key not in self._thinners:
            self._thinners[key] = Thinner(rule)
        return rule is not None

    def take(self, key: _Key, point: Point) -> list[Point]:
        """What is kept of one more sample; everything for a signal without a rule."""
        thinner = self._changing(key)
        return [point] if thinner is None else thinner.take(*point)

    def cut(self, keys: Iterable[_Key]) -> list[tuple[_Key, Point]]:
        """What was held back of signals that have a gap; the next sample of each is kept, too."""
        return self._each(keys, Thinner.cut)

    def release(self) -> list[tuple[_Key, Point]]:
        """What was held back of all signals."""
        return self._each(list(self._thinners), Thinner.release)

    def _each(self, keys: Iterable[_Key], act: Callable[[Thinner], list[Point]]) -> list[tuple[_Key, Point]]:
        return [
            (key, point)
            for key in keys
            if (thinner := self._changing(key)) is not None
            for point in act(thinner)
        ]

    def _changing(self, key: _Key) -> Thinner | None:
        thinner = self._thinners.get(key)
        if thinner is not None and key not in self._before:
            self._before[key] = thinner.state
        return thinner

    def go_back(self) -> None:
        """Forget what was taken since `settle`: it will come again, or is lost and recorded as a gap."""
        for key, state in self._before.items():
            self._thinners[key].state = state
        self._before.clear()

    def settle(self) -> int:
        """What was taken is kept now; returns how many samples were left out of it."""
        self._before.clear()
        total = sum(thinner.left_out for thinner in self._thinners.values())
        fresh, self._counted = total - self._counted, total
        return fresh

    def on_disk(self) -> dict[_Key, int]:
        """Time of the newest sample on disk, of signals with a newer one that is held back."""
        states = [(key, self._before.get(key, one.state)) for key, one in self._thinners.items()]
        return {key: kept[0] for key, (kept, held, *_) in states if kept is not None and held is not None}
