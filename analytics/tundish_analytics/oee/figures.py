"""OEE and the related figures of ISO 22400-2, each with what unknown time leaves open.

Names and formulas after ISO 22400-2:2014: availability APT/PBT, effectiveness (performance) PRI·PQ/APT,
quality ratio GQ/PQ, OEE their product. Unknown time leaves both sides of a ratio; its bounds come from
taking all of it as stopped and all of it as perfect production.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_analytics.oee.timesplit import SECOND, Time, TimeSplit

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_BUSY_TIME: Final = "NO_BUSY_TIME"
NO_PRODUCTION_TIME: Final = "NO_PRODUCTION_TIME"
NO_PIECES: Final = "NO_PIECES"
IDEAL_CYCLE_TOO_SLOW: Final = "IDEAL_CYCLE_TOO_SLOW"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure between 0 and, mostly, 1.

    Attributes:
        value: None where it means nothing; never 0 or 1 instead.
        low, high: what it could be if the unknown were known; the value itself where nothing is unknown.
        reason: why there is no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProductCount:
    """Pieces (or tonnes) of one product.

    Attributes:
        ideal_s: planned run time per item (PRI) in seconds.
        total, good: produced, and good at the first pass; rework makes no good piece.
        scrap, reworked: of the total; each piece counts once.
    """

    product: str
    ideal_s: float
    total: float
    good: float
    scrap: float = 0.0
    reworked: float = 0.0

    def __post_init__(self) -> None:
        if self.ideal_s <= 0 or min(self.good, self.scrap, self.reworked) < 0:
            raise ValueError("ideal cycles lie above 0, counts not below")
        if max(self.good, self.scrap, self.reworked) > self.total:
            raise ValueError("no part of the pieces is more than all of them")


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one machine over one stretch; what they mean stands with `figures_of`."""

    availability: Ratio
    performance: Ratio
    quality: Ratio
    quality_weighted: Ratio
    oee: Ratio
    teep: Ratio
    nee: Ratio
    allocation_efficiency: Ratio
    utilisation_efficiency: Ratio
    technical_efficiency: Ratio
    setup_rate: Ratio
    scrap_ratio: Ratio
    rework_ratio: Ratio
    throughput_per_hour: float | None
    warnings: tuple[str, ...]


def figures_of(time: TimeSplit, counts: Sequence[ProductCount]) -> Figures:
    """The figures of a machine; add splits and counts of shifts first to get those of a day or a month.

    ``quality_weighted`` weighs pieces by their ideal time, so that with several products too
    A · P · Qw = OEE; ``quality`` counts pieces. A performance above 1 is shown and warned of, not capped.
    """
    busy, known, unknown = (t / SECOND for t in (time.busy, time.known_busy, time[Time.UNKNOWN]))
    production, setup, delay = (t / SECOND for t in (time.production, time[Time.SETUP], time[Time.DELAY]))
    total, good = sum(c.total for c in counts), sum(c.good for c in counts)
    ideal_total, ideal_good = (
        sum(c.ideal_s * c.total for c in counts),
        sum(c.ideal_s * c.good for c in counts),
    )
    calendar = (time.calendar - time[Time.UNKNOWN]) / SECOND
    processing = production + setup
    performance = _ratio(ideal_total, production, NO_PRODUCTION_TIME)
    weighted = _ratio(ideal_good, ideal_total, NO_PIECES)
    effect = (performance.value or 0.0) * (weighted.value or 0.0)
    return Figures(
        availability=_bounded(production, known, busy, unknown),
        performance=performance,
        quality=_ratio(good, total, NO_PIECES),
        quality_weighted=weighted,
        oee=_bounded(ideal_good, known, busy, unknown),
        teep=_bounded(ideal_good, calendar, time.calendar / SECOND, unknown),
        nee=_bounded(processing * effect, known, busy, unknown),
        allocation_efficiency=_bounded(processing + delay, known, busy, unknown),
        utilisation_efficiency=_ratio(production, processing + delay, NO_PRODUCTION_TIME),
        technical_efficiency=_ratio(production, production + delay, NO_PRODUCTION_TIME),
        setup_rate=_ratio(setup, processing, NO_PRODUCTION_TIME),
        scrap_ratio=_ratio(sum(c.scrap for c in counts), total, NO_PIECES),
        rework_ratio=_ratio(sum(c.reworked for c in counts), total, NO_PIECES),
        throughput_per_hour=3600 * total / production if production > 0 else None,
        warnings=(IDEAL_CYCLE_TOO_SLOW,) if performance.value is not None and performance.value > 1 else (),
    )


def losses(time: TimeSplit, counts: Sequence[ProductCount]) -> dict[str, float]:
    """Where the calendar time went, in seconds; the parts add up to it exactly (six big losses).

    ``reduced_speed`` is what remains of production time; it is negative where the ideal cycle is too slow.
    """
    ideal_total, ideal_good = (
        sum(c.ideal_s * c.total for c in counts),
        sum(c.ideal_s * c.good for c in counts),
    )
    producing = time[Time.PRODUCING] / SECOND
    return {
        "not_scheduled": time[Time.NOT_SCHEDULED] / SECOND,
        "planned_stop": time[Time.PLANNED_STOP] / SECOND,
        "unknown": time[Time.UNKNOWN] / SECOND,
        "breakdown": time[Time.DOWN] / SECOND,
        "setup": time[Time.SETUP] / SECOND,
        "delay": time[Time.DELAY] / SECOND,
        "minor_stops": time[Time.MICRO_STOP] / SECOND,
        "reduced_speed": producing - ideal_total,
        "rejects": ideal_total - ideal_good,
        "good_pieces": ideal_good,
    }


def _ratio(part: float, whole: float, reason: str) -> Ratio:
    if whole <= 0:
        return Ratio(None, reason=reason)
    return Ratio(part / whole, part / whole, part / whole)


def _bounded(part: float, known: float, whole: float, unknown: float) -> Ratio:
    if known <= 0:
        high = 1.0 if whole > 0 else None
        return Ratio(None, 0.0 if whole > 0 else None, high, NO_BUSY_TIME)
    value = part / known
    return Ratio(value, part / whole, max(value, (part + unknown) / whole))
