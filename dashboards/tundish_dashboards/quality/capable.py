"""Capability of a characteristic in its baseline period, or why nothing is said of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics import spc
from tundish_dashboards.quality.charting import ChartKind

if TYPE_CHECKING:
    from tundish_analytics.spc import Indices, QuantileIndices
    from tundish_dashboards.later import Later
    from tundish_dashboards.quality.charting import PhaseOne
    from tundish_dashboards.quality.choice import Limits

_SIGNIFICANT: Final = 0.05
_MEASURED: Final = frozenset({ChartKind.I_MR, ChartKind.XBAR_R, ChartKind.XBAR_S})
# Each bootstrap sample is fitted anew.
_RESAMPLES: Final = 200
_WAIT_S: Final = 0.1


class Refused(StrEnum):
    """Why there is no capability; the value is the key of its words."""

    COUNTS = "counts"
    NO_LIMITS = "no_limits"
    ODD_LIMITS = "odd_limits"
    DEPENDENT = "dependent"
    UNSTABLE = "unstable"
    FEW = "few"
    MAKING = "making"


@dataclass(frozen=True, slots=True)
class Ability:
    """Capability of the baseline's values.

    Attributes:
        normal_p: Anderson-Darling p-value of the values under the normal law.
        normal: by the normal law, where the values pass for normal; else ``quantiles`` by another law.
    """

    normal_p: float
    normal: Indices | None
    quantiles: QuantileIndices | None


def ability(
    first: PhaseOne, limits: Limits, later: Later[Ability | Refused], tenant: int
) -> Ability | Refused:
    """What the baseline's values say against the specification.

    Args:
        first: the baseline.
        limits: that the reader stated.
        later: where laws are fitted, which may take longer than a page waits.
        tenant: whose values these are.
    """
    if first.kind not in _MEASURED:
        return Refused.COUNTS
    if limits.lower is None and limits.upper is None:
        return Refused.NO_LIMITS
    try:
        specification = spc.Specification(limits.lower, limits.upper, limits.target)
    except ValueError:
        return Refused.ODD_LIMITS
    if not first.valid:
        return Refused.DEPENDENT
    if not first.stability.stable:
        return Refused.UNSTABLE
    digest = hashlib.blake2b(first.values.tobytes(), digest_size=16).hexdigest()
    key = (tenant, digest, specification, first.baseline)
    return later.get(key, lambda: _judged(first, specification), _WAIT_S) or Refused.MAKING


def _judged(first: PhaseOne, specification: spc.Specification) -> Ability | Refused:
    try:
        p = spc.normality(first.values)[1]
        if p >= _SIGNIFICANT:
            return Ability(p, spc.indices(first.values, specification, first.baseline), None)
        with np.errstate(all="ignore"):
            found = spc.quantile_indices(first.values, specification, resamples=_RESAMPLES)
    except ValueError:
        return Refused.FEW
    return Ability(p, None, found)
