"""Features of one hydraulic load cycle: step responses by the second, slow signals in segments."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CYCLE_S: Final = 60
SEGMENT_S: Final = 10
_ENOUGH: Final = 0.8

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
    cycles = len(windows)
    fast, slow = _split(semantics)
    segments = windows[:, :, slow].reshape(cycles, CYCLE_S // SEGMENT_S, SEGMENT_S, len(slow))
    thin = np.isfinite(windows).mean(axis=1) < _ENOUGH
    with warnings.catch_warnings():
        # A signal that is silent for a whole window has no mean; NaN says so.
        warnings.simplefilter("ignore", RuntimeWarning)
        means = np.nanmean(segments, axis=2)
        spread = np.where(thin, np.nan, np.nanstd(windows, axis=1))
        peak = np.where(thin, np.nan, np.nanmax(windows, axis=1))
    parts = (windows[:, :, fast].reshape(cycles, -1), means.reshape(cycles, -1), spread, peak)
    return np.concatenate(parts, axis=1)


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
