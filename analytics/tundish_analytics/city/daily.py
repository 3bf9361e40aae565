"""Daily aggregates of many tenants: good samples, time-weighted mean, completeness, by semantic kind.

The meaning of one signal's day is that of the store's summary. Over the signals of a kind, and over tenants:

    mean         = Σ integral of the value over good time / Σ good time
    completeness = Σ good time / Σ length of the day

Signals that are sent on events have samples here, but neither mean nor completeness; states are not averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from tundish_analytics.city.cluster import PATIENCE_S, run, unsaid
from tundish_analytics.city.tables import by_signal
from tundish_platform.samples import SampleKind, SignalRole
from tundish_platform.store.query.summary import Samples, hold_us, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from distributed import Client
    from numpy.typing import NDArray

    from tundish_analytics.city.access import CityAccess
    from tundish_analytics.city.cluster import Tell
    from tundish_analytics.city.tables import TenantTables
    from tundish_platform.samples import SignalInfo

FEWEST_TENANTS: Final = 5
_DAYS_A_TASK: Final = 7
_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)
_NEVER_AVERAGED: Final = (SignalRole.STATE, SignalRole.IDENTITY, SignalRole.LABEL)
_SUMS: Final = ["signals", "samples", "good_samples", "integral", "mean_s", "good_s", "expected_s"]


@dataclass(frozen=True, slots=True)
class CityDaily:
    """What the job found.

    Attributes:
        failed: by tenant, why some of its days are missing.
    """

    failed: Mapping[str, str]
    _sums: pd.DataFrame

    def of(self, slug: str) -> pd.DataFrame:
        """One tenant's own rows: ``semantic, day, signals, samples, good_samples, mean, completeness``."""
        own = self._sums[self._sums["tenant"] == slug]
        return _answers(own.drop(columns="tenant").reset_index(drop=True))

    def city(self) -> pd.DataFrame:
        """All tenants together, and ``tenants``: how many took part.

        The mean is left out where fewer than `FEWEST_TENANTS` took part: it would tell of single ones.
        """
        grouped = self._sums.groupby(["semantic", "day"])
        found = _answers(grouped[_SUMS].sum().reset_index())
        found.insert(2, "tenants", grouped["tenant"].nunique().to_numpy())
        found["mean"] = found["mean"].where(found["tenants"] >= FEWEST_TENANTS)
        return found


def city_daily(
    client: Client,
    access: CityAccess,
    tenants: Sequence[TenantTables],
    days: Sequence[date],
    zone: ZoneInfo,
    patience_s: float = PATIENCE_S,
    tell: Tell = unsaid,
) -> CityDaily:
    """Run the job.

    Args:
        client: of a cluster whose workers can read the tenants' places.
        access: names every tenant that may be read.
        tenants: their tables.
        days: calendar days in that zone.
        zone: of the city.
        patience_s: how long to wait for the next task to end.
        tell: called after each task with how many have ended, and how many there are.

    Raises:
        AccessDenied: a tenant was not named.
        JobStalled: no worker comes through.
    """
    access.require(tenant.slug for tenant in tenants)
    held = [tenant.pinned() for tenant in tenants]
    parts = [tuple(days[first : first + _DAYS_A_TASK]) for first in range(0, len(days), _DAYS_A_TASK)]
    tasks = {(tenant.slug, part): (tenant, part, zone) for tenant in held for part in parts}
    outcome = run(client, tenant_days, tasks, patience_s, tell)
    failed = {slug: reason for (slug, _), reason in outcome.failed.items()}
    sums = pd.concat([_no_rows(), *outcome.done.values()], ignore_index=True)
    return CityDaily(failed, sums.sort_values(["tenant", "semantic", "day"], ignore_index=True))


def tenant_days(tenant: TenantTables, days: Sequence[date], zone: ZoneInfo) -> pd.DataFrame:
    """One tenant's sums of some days, as a worker computes them: ``tenant, semantic, day`` and `_SUMS`."""
    if not tenant.signals:
        return _no_rows()
    rows = pd.DataFrame(_signal_days(tenant, days, zone))
    rows["tenant"] = tenant.slug
    return rows.groupby(["tenant", "semantic", "day"], as_index=False)[_SUMS].sum()


def _signal_days(tenant: TenantTables, days: Sequence[date], zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    windows = [(day, *_bounds(day, zone)) for day in days]
    first, last = min(w[1] for w in windows), max(w[2] for w in windows)
    around = max(hold_us(signal) for signal in tenant.signals)
    gaps = by_signal(tenant.rows(SampleKind.GAP, [s.id for s in tenant.signals], None, last + around))
    for kind in sorted({signal.kind for signal in tenant.signals}):
        members = [signal for signal in tenant.signals if signal.kind is kind]
        numbers = [signal.id for signal in members]
        found = by_signal(tenant.rows(kind, numbers, first - around, last + around))
        for signal in members:
            rows = found.get(signal.id)
            samples = _nothing() if rows is None else Samples.of(rows, number=kind in _NUMBERS)
            for day, start, end in windows:
                near = _near(samples, start - hold_us(signal), end + hold_us(signal))
                row = summarise(signal, near, _intervals(gaps.get(signal.id)), start, end)
                yield {"semantic": signal.semantic, "day": day, **_day_sums(signal, row, end - start)}


def _day_sums(signal: SignalInfo, row: Mapping[str, Any], length_us: int) -> dict[str, float]:
    """A signal's day in figures that may be added up."""
    length, good_s = (length_us / 1e6, 0.0) if signal.period_s is not None else (0.0, 0.0)
    if row["completeness"] is not None:
        good_s = row["completeness"] * length
    averaged = good_s > 0 and row["mean"] is not None and signal.role not in _NEVER_AVERAGED
    return {
        "signals": 1,
        "samples": row["count"],
        "good_samples": round((row["good_share"] or 0.0) * row["count"]),
        "integral": row["mean"] * good_s if averaged else 0.0,
        "mean_s": good_s if averaged else 0.0,
        "good_s": good_s,
        "expected_s": length,
    }


def _answers(sums: pd.DataFrame) -> pd.DataFrame:
    found = sums[["semantic", "day", "signals", "samples", "good_samples"]].copy()
    found["mean"] = (sums["integral"] / sums["mean_s"]).where(sums["mean_s"] > 0)
    found["completeness"] = (sums["good_s"] / sums["expected_s"]).where(sums["expected_s"] > 0)
    return found


def _bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """A calendar day of a zone in µs since 1970; 23 or 25 hours long where clocks change."""
    start, end = (datetime.combine(d, time(), zone) for d in (day, day + timedelta(days=1)))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (start - epoch) // timedelta(microseconds=1), (end - epoch) // timedelta(microseconds=1)


def _near(samples: Samples, start: int, end: int) -> Samples:
    first, last = np.searchsorted(samples.ts, [start, end])
    return Samples(samples.ts[first:last], samples.value[first:last], samples.good[first:last])


def _nothing() -> Samples:
    return Samples(np.array([], np.int64), np.array([], np.float64), np.array([], np.bool_))


def _intervals(gaps: pa.Table | None) -> NDArray[np.int64]:
    if gaps is None:
        return np.zeros((0, 2), np.int64)
    return np.column_stack([gaps[name].cast(pa.int64()).to_numpy() for name in ("ts", "end")])


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in ("tenant", "semantic", "day", *_SUMS)})
