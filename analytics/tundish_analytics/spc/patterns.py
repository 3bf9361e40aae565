"""Patterns of run rules as masks over standardised points ``z``, shape ``(n,)``, without a loop over points.

A mask is True at the **last** point of each pattern. "Beyond" is strict. A missing point (NaN) belongs to no
pattern and none reaches across it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]


def beyond(z: Points, sigmas: float = 3.0) -> Mask:
    """Points beyond so many sigmas (N1, W1)."""
    return (z > sigmas) | (z < -sigmas)


def one_side(z: Points, length: int = 9) -> Mask:
    """So many points in a row on one side (N2 with 9, W4 with 8); one on the centre breaks it."""
    return _last(z > 0, length) | _last(z < 0, length)


def trend(z: Points, length: int = 6) -> Mask:
    """So many points in a row steadily rising or falling (N3): six points are five strict steps."""
    rising, falling = _steps(z)
    return _last(rising, length - 1) | _last(falling, length - 1)


def alternating(z: Points, length: int = 14) -> Mask:
    """So many points in a row going up and down in turn (N4); equal neighbours break it."""
    rising, falling = _steps(z)
    turns = np.zeros(z.size, np.bool_)
    turns[1:] = (rising[1:] & falling[:-1]) | (falling[1:] & rising[:-1])
    return _last(turns, length - 2)


def zone(z: Points, count: int, window: int, sigmas: float) -> Mask:
    """``count`` of ``window`` points in a row beyond so many sigmas on one side (N5: 2, 3, 2; N6: 4, 5, 1).

    The flagged point itself is one of those beyond.
    """
    known = ~np.isnan(z)
    whole = bool(known.all())
    found = np.zeros(z.size, np.bool_)
    for outside in (z > sigmas, z < -sigmas):
        found |= outside & (_recent(outside, None if whole else known, window) >= count)
    return found


def within(z: Points, length: int = 15, sigmas: float = 1.0) -> Mask:
    """So many points in a row no further out than so many sigmas, on whichever side (N7)."""
    return _last((z <= sigmas) & (z >= -sigmas), length)


def both_sides(z: Points, length: int = 8, sigmas: float = 1.0) -> Mask:
    """So many points in a row beyond so many sigmas, with both sides among them (N8)."""
    above, below = z > sigmas, z < -sigmas
    return _last(above | below, length) & ~_last(above, length) & ~_last(below, length)


def _steps(z: Points) -> tuple[Mask, Mask]:
    rising, falling = np.zeros(z.size, np.bool_), np.zeros(z.size, np.bool_)
    rising[1:], falling[1:] = z[1:] > z[:-1], z[1:] < z[:-1]
    return rising, falling


def _last(flags: Mask, length: int) -> Mask:
    """Where the last ``length`` flags are all True: windows are doubled, so that a rule costs log2 passes."""
    found, have = flags.copy(), 1
    while have < length:
        step = min(have, length - have)
        found[step:] &= found[:-step]
        found[:step] = False
        have += step
    return found


def _recent(outside: Mask, known: Mask | None, window: int) -> NDArray[np.uint8]:
    """How many of the last ``window`` points are outside, counted back to the last missing one."""
    total = outside.astype(np.uint8)
    reached = None if known is None else known.copy()
    for back in range(1, min(window, outside.size)):
        earlier = outside[:-back]
        if reached is not None and known is not None:
            reached[back:] &= known[:-back]
            earlier = earlier & reached[back:]
        total[back:] += earlier
    return total
