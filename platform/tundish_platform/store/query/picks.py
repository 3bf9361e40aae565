"""Which rows of each group a rollup or a pixel column remembers: first, lowest, highest, last and worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tundish_platform.samples import Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEVERITY_SHIFT: Final = np.uint32(30)

NONE: Final = -1
"""The row number where a group has no such row."""


class Picks(NamedTuple):
    """Row numbers, one a group; `NONE` where the group has no such row.

    Attributes:
        first, last: by time; always there.
        low: the first of the lowest usable values; high: the last of the highest.
        worst: the first of the worst severity, if that is not good.
    """

    first: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    worst: NDArray[np.int64]
    last: NDArray[np.int64]


def severities(status: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """0 good, 1 uncertain, 2 bad; the reserved fourth value counts as bad (OPC 10000-4, 7.39)."""
    found: NDArray[np.uint32] = np.minimum(status >> _SEVERITY_SHIFT, np.uint32(Severity.BAD))
    return found


def group_starts(*keys: NDArray[np.generic]) -> NDArray[np.int64]:
    """Where a new group begins in rows that are sorted by the keys."""
    rows = len(keys[0])
    new = np.zeros(rows, dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def pick(
    starts: NDArray[np.int64],
    value: NDArray[np.float64],
    usable: NDArray[np.bool_] | None,
    status: NDArray[np.uint32] | None,
) -> Picks:
    """Pick the rows of each group.

    Args:
        starts: where the groups begin, rising, the first at 0; no group is empty.
        value: shape ``(n,)``.
        usable: which values count for low and high; all if absent.
        status: OPC UA codes; all good if absent.
    """
    rows = len(value)
    ends = np.append(starts[1:], rows)
    if not rows:
        return Picks(starts, starts, starts, starts, starts)
    lengths = ends - starts
    below = value if usable is None else np.where(usable, value, np.inf)
    above = value if usable is None else np.where(usable, value, -np.inf)
    low = _at(below, np.minimum.reduceat(below, starts), lengths, usable)
    high = _at(above, np.maximum.reduceat(above, starts), lengths, usable)
    return Picks(
        starts,
        _first(low, starts, ends),
        _last(high, starts, ends),
        _worst(status, starts, ends),
        ends - 1,
    )


def good_picks(starts: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_]) -> Picks:
    """The first, lowest, highest and last of the good rows of each group; none is the worst.

    Args:
        starts: as for `pick`.
        value: shape ``(n,)``.
        good: which rows are.
    """
    picks, hits = pick(starts, value, good, None), np.flatnonzero(good)
    ends = picks.last + 1
    return picks._replace(first=_first(hits, starts, ends), last=_last(hits, starts, ends))


def _at(
    value: NDArray[np.float64],
    wanted: NDArray[np.float64],
    lengths: NDArray[np.int64],
    usable: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    """Rows with their group's wanted value."""
    same = value == np.repeat(wanted, lengths)
    return np.flatnonzero(same if usable is None else same & usable)


def _worst(
    status: NDArray[np.uint32] | None, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    none = np.full(len(starts), NONE, dtype=np.int64)
    if status is None:
        return none
    severity = severities(status)
    if not severity.any():
        return none
    worst = np.repeat(np.maximum.reduceat(severity, starts), ends - starts)
    return _first(np.flatnonzero((severity == worst) & (severity > 0)), starts, ends)


def _first(hits: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first hit of each group."""
    if not len(hits):
        return np.full(len(starts), NONE, dtype=np.int64)
    found = hits[np.minimum(np.searchsorted(hits, starts), len(hits) - 1)]
    return np.where((found >= starts) & (found < ends), found, NONE)


def _last(hits: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last hit of each group."""
    if not len(hits):
        return np.full(len(starts), NONE, dtype=np.int64)
    found = hits[np.maximum(np.searchsorted(hits, ends) - 1, 0)]
    return np.where((found >= starts) & (found < ends), found, NONE)
