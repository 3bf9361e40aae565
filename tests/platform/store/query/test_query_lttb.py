from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.lttb import lttb, lttb_thinned

if TYPE_CHECKING:
    from collections.abc import Callable

BAD, UNCERTAIN = 0x80310000, 0x40000000
SECOND = 1_000_000


def by_the_thesis(x: list[float], y: list[float], points: int) -> list[int]:
    """Largest triangle three buckets, point by point."""
    last = len(x) - 1
    buckets = points - 2
    edges = [1 + i * (len(x) - 2) // buckets for i in range(buckets + 1)]
    parts = [*(range(a, b) for a, b in pairwise(edges)), range(last, last + 1)]
    kept = [0]
    for part, following in pairwise(parts):
        cx = sum(x[i] for i in following) / len(following)
        cy = sum(y[i] for i in following) / len(following)
        ax, ay = x[kept[-1]], y[kept[-1]]
        areas = [abs((cx - ax) * (y[i] - ay) - (x[i] - ax) * (cy - ay)) for i in part]
        kept.append(part[areas.index(max(areas))])
    return [*kept, last]


@settings(max_examples=100, deadline=None)
@given(
    # Whole numbers and halves, so that both ways compute the same areas.
    y=st.lists(st.integers(-1000, 1000), min_size=3, max_size=120),
    points=st.integers(3, 60),
)
def test_it_is_the_algorithm_of_the_thesis(y: list[int], points: int) -> None:
    x = np.cumsum(1 + np.abs(np.array(y)) % 7).astype(float)
    values = np.array(y, dtype=float)
    kept = lttb(x, values, points).tolist()
    if len(y) <= points:
        assert kept == list(range(len(y)))
        return
    assert len(kept) == points
    expected = by_the_thesis(x.tolist(), values.tolist(), points)
    # Where two points span triangles of the same size, rounding may choose the other one.
    differing = [a != b for a, b in zip(kept, expected, strict=True)]
    assert kept == sorted(set(kept))
    if any(differing):
        first = differing.index(True)
        ax, ay = x[kept[first - 1]], values[kept[first - 1]]
        edges = [1 + i * (len(y) - 2) // (points - 2) for i in range(points - 1)] + [len(y)]
        part = slice(edges[first], edges[first + 1])
        cx, cy = x[part].mean(), values[part].mean()
        sizes = [
            abs((cx - ax) * (values[i] - ay) - (x[i] - ax) * (cy - ay))
            for i in (kept[first], expected[first])
        ]
        assert sizes[0] == pytest.approx(sizes[1])


@pytest.mark.parametrize(
    ("points", "expected"), [(2, [0, 4]), (0, [0, 4]), (3, [0, 2, 4]), (9, [0, 1, 2, 3, 4])]
)
def test_ends_stay_and_the_peak_is_kept(points: int, expected: list[int]) -> None:
    x, y = np.arange(5.0), np.array([0.0, 0.0, 9.0, 0.0, 0.0])
    assert lttb(x, y, points).tolist() == expected


def test_nothing_stays_nothing() -> None:
    assert lttb(np.zeros(0), np.zeros(0), 10).tolist() == []


def seconds(table: pa.Table, start_us: int) -> list[int]:
    found: list[int] = ((table["ts"].cast(pa.int64()).to_numpy() - start_us) // SECOND).tolist()
    return found


def test_holes_and_bad_samples_stay_visible(make_rows: Callable[..., pa.Table], start_us: int) -> None:
    rng = np.random.default_rng(5)
    rows: list[tuple[Any, ...]] = [(1, t, v) for t, v in enumerate(rng.normal(size=1000).tolist())]
    rows = [row for row in rows if not 300 < row[1] < 400]
    rows = [(1, t, 1e9, UNCERTAIN if t == 500 else BAD) if 500 <= t < 600 else (1, t, v) for _, t, v in rows]
    rows.append((1, 700, None))
    table = make_rows(SampleKind.NUMERIC, rows)
    thin = lttb_thinned(table, 60, {1: 3 * SECOND})
    kept = seconds(thin, start_us)
    assert 50 < thin.num_rows <= 60
    assert {0, 300, 400, 499, 501, 600, 699, 700, 701, 999} <= set(kept)
    # Of the bad stretch stays one sample; its value never bends the line.
    assert [t for t in kept if 500 <= t < 600] == [501]
    assert thin.filter(pa.array([t in {501, 700} for t in kept]))["status"].to_pylist() == [BAD, 0]
    # Without a hold, silence between good samples is no interruption.
    assert lttb_thinned(make_rows(SampleKind.NUMERIC, rows[:400]), 50, {}).num_rows == 50


def test_more_interruptions_than_points_leave_room_for_the_shape(make_rows: Callable[..., pa.Table]) -> None:
    rows = [(s, t, float(t), BAD if t % 2 else 0) for s in (1, 2) for t in range(400)]
    rows += [(3, t, float(t), BAD) for t in range(400)] + [(4, t, float(t)) for t in range(5)]
    thin = lttb_thinned(make_rows(SampleKind.NUMERIC, rows), 30, {})
    counts = dict(
        zip(*(c.tolist() for c in np.unique(thin["signal"].to_numpy(), return_counts=True)), strict=True)
    )
    assert counts[1] == counts[2] <= 30
    assert counts[1] >= 20
    assert 0 < counts[3] <= 30
    assert counts[4] == 5
    good = np.count_nonzero(thin["status"].to_numpy()[thin["signal"].to_numpy() == 1] == 0)
    assert good >= 15


def test_an_empty_table_stays_empty(make_rows: Callable[..., pa.Table]) -> None:
    assert lttb_thinned(make_rows(SampleKind.NUMERIC, []), 30, {}).num_rows == 0
