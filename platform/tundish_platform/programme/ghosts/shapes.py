"""Fingerprints of short stretches: equal for the same stretch, also when it was scaled and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTH: Final = 12

# Fewer levels or turns occur again by chance: ramps of a slow sensor all have one shape.
_LEVELS: Final = 9
_TURNS: Final = 4
# Scaled and shifted copies agree to rounding; the next stretch of a machine does not agree to three digits.
_STEPS: Final = 1000.0


def fingerprints(values: NDArray[np.float64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Hash of each stretch of `LENGTH` samples, and whether the stretch says enough to be known again.

    Args:
        values: shape ``(n,)``.

    Returns:
        Hashes and marks, each of shape ``(max(0, n - LENGTH + 1),)``.
    """
    if len(values) < LENGTH:
        return np.empty(0, np.uint64), np.empty(0, np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(values, LENGTH)
    low, high = windows.min(axis=1), windows.max(axis=1)
    span = np.where(high > low, high - low, 1.0)
    shapes = np.round((windows - low[:, None]) / span[:, None] * _STEPS).astype(np.uint64)
    levels = 1 + (np.diff(np.sort(windows, axis=1), axis=1) > 0).sum(axis=1)
    steps = np.sign(np.diff(windows, axis=1))
    turns = (steps[:, 1:] * steps[:, :-1] < 0).sum(axis=1)
    return _mixed(shapes), (levels >= _LEVELS) & (turns >= _TURNS)


def _mixed(shapes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One word of 64 bits a row, after FNV-1a with a word where it has a byte."""
    mixed = np.full(len(shapes), 14695981039346656037, np.uint64)
    with np.errstate(over="ignore"):
        for column in shapes.T:
            mixed = (mixed ^ column) * np.uint64(1099511628211)
            mixed ^= mixed >> np.uint64(29)
    return mixed
