"""The figures: demand per quarter of an hour, load factor, energy by hour, idle share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_app_energy_watch.pieces import HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_energy_watch.pieces import Pieces
    from tundish_platform.sdk import AppInputs, SignalInfo

    Numbers = NDArray[np.float64]

QUARTER: Final = 900.0
# A quarter known by less than this share has no demand: a mean over a part would be a guess.
_ENOUGH: Final = 0.9
_RUNNING: Final = frozenset({"Execute", "Completing", "Starting", "Unholding", "Unsuspending"})


@dataclass(frozen=True, slots=True)
class Figures:
    """What came out, None where the data do not say.

    Attributes:
        energy: kWh; ``maximum_demand``: kW; ``load_factor``, ``idle_share``, ``coverage``: shares of 1.
        demand_at: start of the quarter with the maximum demand, seconds since 1970.
        quarters, demands: starts (seconds) and demands (kW, NaN if not known), shape ``(n,)``.
        hours, energies, covered: starts (seconds), kWh and covered share of each hour, shape ``(m,)``.
        idle_known: share of the energy for which a state was known.
    """

    energy: float | None
    maximum_demand: float | None
    demand_at: float | None
    load_factor: float | None
    idle_share: float | None
    idle_known: float
    coverage: float
    quarters: Numbers
    demands: Numbers
    hours: Numbers
    energies: Numbers
    covered: Numbers


def figures_of(inputs: AppInputs, pieces: Pieces, state: SignalInfo | None) -> Figures:
    """All figures of one window; quarters and hours are those of the clock in UTC."""
    start, end = inputs.start.timestamp(), inputs.end.timestamp()
    total, seconds = pieces.within(np.array([start, end]))
    quarters = np.arange(start // QUARTER * QUARTER, end + QUARTER, QUARTER)
    energy, covered = pieces.within(quarters)
    demands = np.where(covered >= _ENOUGH * QUARTER, energy / (QUARTER / HOUR), np.nan)
    hours = np.arange(start // HOUR * HOUR, end + HOUR, HOUR)
    energies, hour_covered = pieces.within(hours)
    known = bool(np.isfinite(demands).any())
    best = int(np.nanargmax(demands)) if known else 0
    highest = float(demands[best]) if known else None
    idle, idle_known = _idle(inputs, pieces, state)
    return Figures(
        energy=float(total[0]) if seconds[0] > 0 else None,
        maximum_demand=highest,
        demand_at=float(quarters[best]) if known else None,
        load_factor=float(np.nanmean(demands)) / highest if highest else None,
        idle_share=idle,
        idle_known=idle_known,
        coverage=float(seconds[0] / (end - start)),
        quarters=quarters[:-1],
        demands=demands,
        hours=hours[:-1],
        energies=energies,
        covered=hour_covered / HOUR,
    )


def _idle(inputs: AppInputs, pieces: Pieces, state: SignalInfo | None) -> tuple[float | None, float]:
    """Share of the energy used while not producing, of that whose state is known; and the known share."""
    table = inputs.samples(state) if state is not None else None
    if table is None or table.num_rows == 0 or pieces.start.size == 0:
        return None, 0.0
    ends = np.append(
        table.column("ts").cast("timestamp[us]").to_numpy().astype(np.int64) / 1e6, pieces.end[-1]
    )
    good = np.right_shift(table.column("status").to_numpy(), 30) == 0
    names = table.column("value").to_pylist()
    lengths = np.maximum(np.diff(ends), 0.0)
    known = lengths * good
    idle = known * [name not in _RUNNING for name in names]
    knots = np.append(ends[:1], ends[0] + np.cumsum(lengths))
    shares = []
    for amount in (idle, known):
        total = np.append(0.0, np.cumsum(amount))
        inside = np.interp(pieces.end, knots, total) - np.interp(pieces.start, knots, total)
        shares.append(float(np.sum(pieces.energy * inside / (pieces.end - pieces.start))))
    used = float(pieces.energy.sum())
    return (shares[0] / shares[1] if shares[1] > 0 else None), (shares[1] / used if used > 0 else 0.0)
