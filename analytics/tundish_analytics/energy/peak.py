"""Peak shaving: the lowest maximum demand that a storage, or work that can wait, allows.

A linear programme over one day: ``load + charge − discharge + shifted ≤ peak``, peak as low as possible,
and among the plans of that peak the one that moves least energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import bmat, csr_array, eye_array, tril

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


class NoPlan(ValueError):  # noqa: N818 - says what happened
    """The means given allow no plan."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A battery or anything like it; it ends as full as it began."""

    power_kw: float
    capacity_kwh: float
    efficiency: float = 0.9
    begin_kwh: float = 0.0

    def __post_init__(self) -> None:
        fits = 0 <= self.begin_kwh <= self.capacity_kwh and self.power_kw >= 0
        if not fits or not 0 < self.efficiency <= 1:
            raise ValueError("storage begins within its capacity, its round-trip efficiency lies in (0, 1]")


@dataclass(frozen=True, slots=True)
class PeakPlan:
    """What to do in each interval, kW, shape ``(n,)``.

    Attributes:
        charge, discharge: of the storage, neither below 0.
        shifted: work moved into (above 0) or out of (below 0) the interval; adds up to 0.
        load: what the meter then sees.
        before_kw, after_kw: maximum demand without and with the plan.
    """

    charge: Values
    discharge: Values
    shifted: Values
    load: Values
    before_kw: float
    after_kw: float


def plan_peak(load: Values, hours: float, storage: Storage, movable: Values | None = None) -> PeakPlan:
    """The plan with the lowest maximum demand.

    Args:
        load: expected kW of each interval; give a forecast's upper end to be safe against it.
        hours: length of an interval.
        storage: with a power of 0 where there is none.
        movable: how many kW of each interval's load can run at another time of the window; none by default.

    Raises:
        ValueError: a load is missing, or more is movable than runs.
        NoPlan: the solver finds none.
    """
    n = load.size
    free = np.zeros(n) if movable is None else movable
    if not np.all(np.isfinite(load)) or np.any(free < 0) or np.any(free > np.maximum(load, 0)):
        raise ValueError("each interval needs a load, and no more is movable than runs")
    top = float(load.max())
    one, none = eye_array(n), csr_array((n, n))
    # Unknowns: charge, discharge, moved in, moved out, peak.
    sums = tril(np.ones((n, n)), format="csr") * hours
    level = bmat([[sums * storage.efficiency, -sums, none, none, csr_array((n, 1))]])
    meter = bmat([[one, -one, one, -one, csr_array(-np.ones((n, 1)))]])
    whole = np.zeros((2, 4 * n + 1))
    whole[0, :n], whole[0, n : 2 * n] = storage.efficiency, -1.0
    whole[1, 2 * n : 3 * n], whole[1, 3 * n : 4 * n] = 1.0, -1.0
    room = np.full(n, storage.capacity_kwh - storage.begin_kwh)
    # A thousandth of the peak's price on moved energy chooses the quietest of all plans with that peak.
    price = np.append(np.full(4 * n, 1e-3 / n), 1.0)
    limits = [(0, storage.power_kw)] * (2 * n) + [(0, max(top, 0.0))] * n + [(0, f) for f in free.tolist()]
    found = linprog(
        price,
        A_ub=bmat([[meter], [level], [-level]]),
        b_ub=np.concatenate([-load, room, np.full(n, storage.begin_kwh)]),
        A_eq=whole,
        b_eq=np.zeros(2),
        bounds=[*limits, (None, top)],
        method="highs",
    )
    if not found.success:
        raise NoPlan(f"no plan for this load: {found.message}")
    charge, discharge, moved_in, moved_out = found.x[: 4 * n].reshape(4, n)
    after = load + charge - discharge + moved_in - moved_out
    return PeakPlan(charge, discharge, moved_in - moved_out, after, top, float(after.max()))
