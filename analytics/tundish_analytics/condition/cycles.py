"""Features of one hydraulic load cycle: step responses by the second, slow signals in segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CYCLE_S: Final = 60
SEGMENT_S: Final = 10
_ENOUGH: Final = 0.8
# Cycles whose windows and temporaries stay in a core's cache together.
_BLOCK: Final = 32

# Signals that answer the load steps within seconds; the others move with the oil's temperature.
FAST_SEMANTICS: Final = frozenset(
    {"pressure.hydraulic", "flow.hydraulic", "power.active.pump", "efficiency.hydraulic"}
)
SLOW_SEMANTICS: Final = frozenset(
    {"temperature.oil.hydraulic", "vibration.velocity.rms", "efficiency.cooler", "power.cooling"}
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix: which signal it is from and how it reads."""

    column: int
    zh: str
    en: str


def feature_names(semantics: Sequence[str]) -> list[Feature]:
    """What each column of `cycle_features` means, in its order.

    Args:
        semantics: semantic kind of each signal, in the order of the windows' last axis.
    """
    fast, slow = _split(semantics)
    names = [Feature(c, f"第 {s + 1} 秒", f"second {s + 1}") for s in range(CYCLE_S) for c in fast]
    for start in range(0, CYCLE_S, SEGMENT_S):
        stop = start + SEGMENT_S
        zh, en = f"第 {start + 1}–{stop} 秒均值", f"mean of seconds {start + 1}-{stop}"
        names += [Feature(c, zh, en) for c in slow]
    names += [Feature(c, "循环内标准差", "standard deviation in the cycle") for c in range(len(semantics))]
    names += [Feature(c, "循环内最大值", "maximum in the cycle") for c in range(len(semantics))]
    return names


def _split(semantics: Sequence[str]) -> tuple[list[int], list[int]]:
    fast = [column for column, semantic in enumerate(semantics) if semantic in FAST_SEMANTICS]
    return fast, [column for column in range(len(semantics)) if column not in fast]


def cycle_features(windows: NDArray[np.float64], semantics: Sequence[str]) -> NDArray[np.float64]:
    """The feature matrix of complete or holed cycles; each row depends on its own cycle only.

    Args:
        windows: shape ``(cycles, 60, signals)``, one value a second in the signals' own units, NaN where none
            was good.
        semantics: semantic kind of each signal.

    Returns:
        Shape ``(cycles, features)`` in the signals' units; NaN where nothing is known.

    Raises:
        ValueError: the windows have another shape.
    """
    if windows.ndim != 3 or windows.shape[1:] != (CYCLE_S, len(semantics)):  # noqa: PLR2004 - three axes
        raise ValueError(f"windows must be (cycles, {CYCLE_S}, {len(semantics)}), got {windows.shape}")
    fast, slow = (np.array(columns, np.intp) for columns in _split(semantics))
    width = CYCLE_S * len(fast) + CYCLE_S // SEGMENT_S * len(slow) + 2 * len(semantics)
    result = np.empty((len(windows), width))
    for at in range(0, len(windows), _BLOCK):
        _fill(result[at : at + _BLOCK], windows[at : at + _BLOCK], fast, slow)
    return result


def _fill(
    rows: NDArray[np.float64], windows: NDArray[np.float64], fast: NDArray[np.intp], slow: NDArray[np.intp]
) -> None:
    """Write the features of some cycles into their rows."""
    cycles, seconds, signals = windows.shape
    known = ~np.isnan(windows)
    whole = bool(known.all())
    values = windows if whole else np.where(known, windows, 0.0)
    counts = np.full((cycles, signals), seconds) if whole else known.sum(axis=1)
    mean = _ratio(values.sum(axis=1), counts)
    apart = values - mean[:, None, :]
    if not whole:
        apart[~known] = 0.0
    spread = np.sqrt(_ratio(np.square(apart, out=apart).sum(axis=1), counts))
    peak = (windows if whole else np.where(known, windows, -np.inf)).max(axis=1)
    if not whole:
        thin = counts < _ENOUGH * seconds
        spread[thin], peak[thin] = np.nan, np.nan
    seen = np.take(windows, fast, axis=2).reshape(cycles, -1)
    parts = (seen, _means(values, known, slow), spread, peak)
    np.concatenate(parts, axis=1, out=rows)


def _means(
    values: NDArray[np.float64], known: NDArray[np.bool_], slow: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Mean of each segment of the slow signals, one segment after the other, NaN where nothing is known."""
    shape = (len(values), CYCLE_S // SEGMENT_S, SEGMENT_S, len(slow))
    totals = np.take(values, slow, axis=2).reshape(shape).sum(axis=2)
    counts = np.take(known, slow, axis=2).reshape(shape).sum(axis=2)
    return _ratio(totals, counts).reshape(len(values), -1)


def _ratio(total: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Total by count, NaN where nothing was counted."""
    known = count > 0
    found: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=known)
    return found


def completeness(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each cycle's values that are there, 0 to 1; shape ``(cycles,)``."""
    share: NDArray[np.float64] = np.isfinite(windows).mean(axis=(1, 2))
    return share


def condition_blocks(labels: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the run of cycles with equal condition that each cycle belongs to; shape ``(cycles,)``.

    Cycles of one run share oil temperature and wear, so a fair test never splits a run.

    Args:
        labels: shape ``(cycles, targets)``.
        starts: start of each cycle in seconds; a pause of more than one cycle ends a run as well.
    """
    changed = np.any(np.diff(labels, axis=0) != 0, axis=1) | (np.diff(starts) > 2 * CYCLE_S)
    return np.concatenate([[0], np.cumsum(changed)]).astype(np.int64)
