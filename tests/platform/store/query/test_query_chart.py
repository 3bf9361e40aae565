from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SCHEMAS, SampleKind, severity
from tundish_platform.store.query import chart as charts
from tundish_platform.store.query.chart import chart
from tundish_platform.store.query.rollup import HOUR_US, MINUTE_US
from tundish_platform.store.query.source import together

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MemorySource

    from tundish_platform.samples import SignalInfo

BAD, UNCERTAIN = 0x80310000, 0x40000000
SECOND, HOUR = 1_000_000, 3_600

STATUSES = st.sampled_from([0] * 12 + [0x0400, UNCERTAIN, BAD])


@dataclass
class Case:
    chunks: list[list[tuple[Any, ...]]]
    start: int
    end: int
    max_points: int
    minutes: list[bool]


@st.composite
def chunks(draw: st.DrawFn) -> list[list[tuple[Any, ...]]]:
    """Two signals over a dozen hours, every other minute; some chunks are late and overlap."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        first, count = draw(st.integers(0, 300)), draw(st.integers(1, 300))
        ticks = np.unique(first + rng.integers(0, count, size=draw(st.integers(1, count))))
        rows = [(int(rng.integers(1, 3)), int(t) * 120, float(rng.normal())) for t in ticks]
        statuses = draw(st.lists(STATUSES, min_size=1, max_size=20))
        found.append(
            [
                (*row[:2], None if i % 37 == 5 else row[2], statuses[i % len(statuses)])
                for i, row in enumerate(rows)
            ]
        )
    return found


def picked(rows: list[dict[str, Any]], start: int, end: int, level: int, max_points: int) -> list[Any]:
    """What must stay of one signal's rows, bucket by bucket; a bucket is made of whole pieces."""
    if len(rows) <= max_points:
        return rows
    width = -((start - end) // max(1, max_points // 5))
    buckets: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        piece = max(row["ts"] // level * level, start)
        buckets.setdefault((piece - start) // width, []).append(row)
    kept = []
    for members in buckets.values():
        usable = [r for r in members if r["value"] is not None and severity(r["status"]) < 2]
        worst = max(members, key=lambda r: severity(r["status"]))
        some = [members[0], members[-1]] + [worst] * (severity(worst["status"]) > 0)
        if usable:
            some += [min(usable, key=lambda r: r["value"]), max(reversed(usable), key=lambda r: r["value"])]
        kept += [row for row in members if row in some]
    return kept


def plain(table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.set_column(1, "ts", table["ts"].cast(pa.int64())).to_pylist()
    return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    start = draw(st.integers(-1_000, 6 * HOUR))
    end = start + draw(st.integers(1, 14 * HOUR))
    minutes = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    return Case(draw(chunks()), start, end, draw(st.integers(1, 80)), minutes)


@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_pieces_show_what_raw_rows_show(
    make_source: Callable[..., MemorySource],
    make_info: Callable[..., SignalInfo],
    start_us: int,
    case: Case,
) -> None:
    source = make_source(*case.chunks, minutes=case.minutes)
    window = (start_us + case.start * SECOND, start_us + case.end * SECOND)
    with pytest.MonkeyPatch.context() as patch:
        # Few samples are many here, so that pieces are used.
        patch.setattr(charts, "_SPARSE", 1)
        found = plain(chart(source, [make_info(1), make_info(2)], *window, case.max_points))
    width = -((window[0] - window[1]) // max(1, case.max_points // 5))
    level = HOUR_US if width >= HOUR_US else MINUTE_US if width >= MINUTE_US else 1
    for signal in (1, 2):
        every = plain(source.raw(SampleKind.NUMERIC, [signal], *window))
        of_signal = [row for row in found if row["signal"] == signal]
        assert len(of_signal) <= max(case.max_points, 5)
        pieces = together(source.pieces(HOUR_US, [signal], *window, ["signal", "count"]))
        hours = pieces["count"].to_numpy().sum()
        finest = level if hours > case.max_points else 1
        assert [row for row in every if row in of_signal] == of_signal
        if len(every) <= case.max_points < hours:
            # Pieces count samples outside the window, too: here they made few samples look like many.
            continue
        needed = picked(every, *window, finest, case.max_points)
        # What pieces remember may fit whole, although not all samples would: then more of it stays.
        assert [row for row in of_signal if row in needed] == needed
        assert len(of_signal) == len(needed) or finest > 1


def steady(hours: int, period: int) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(3)
    return [
        (1, t, v)
        for t, v in zip(range(0, hours * HOUR, period), rng.normal(size=10**6).tolist(), strict=False)
    ]


@pytest.mark.parametrize(("hours", "raw"), [(40, 0), (2, 0)])
def test_long_windows_need_no_raw_row(
    make_source: Callable[..., MemorySource],
    make_info: Callable[..., SignalInfo],
    start_us: int,
    hours: int,
    raw: int,
) -> None:
    source = make_source(steady(40, 10))
    window = start_us, start_us + hours * HOUR * SECOND
    found = chart(source, [make_info()], *window, 100)
    assert source.read["raw"] == raw
    assert 50 < found.num_rows <= 100
    every = source.raw(SampleKind.NUMERIC, [1], *window)["value"].to_numpy()
    kept = found["value"].to_numpy()
    assert (kept.min(), kept.max(), kept[0], kept[-1]) == (every.min(), every.max(), every[0], every[-1])


def test_uncertain_extremes_are_shown_without_a_raw_row(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rows = [(*row, 0) for row in steady(40, 10)]
    rows[5_000] = (*rows[5_000][:2], 99.0, UNCERTAIN)
    rows[9_000] = (*rows[9_000][:2], -99.0, UNCERTAIN)
    rows[9_001] = (*rows[9_001][:2], -999.0, BAD)
    source = make_source(rows)
    found = plain(chart(source, [make_info()], start_us, start_us + 40 * HOUR * SECOND, 100))
    assert source.read["raw"] == 0
    assert {(99.0, UNCERTAIN), (-99.0, UNCERTAIN), (-999.0, BAD)} <= {
        (r["value"], r["status"]) for r in found
    }


def test_only_hours_that_the_window_cuts_are_read_raw(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source(steady(40, 10))
    chart(source, [make_info()], start_us + 600 * SECOND, start_us + 39 * HOUR * SECOND, 100)
    assert source.read["raw"] == 300


def test_short_windows_keep_what_a_column_shows(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source(steady(1, 1))
    window = start_us, start_us + HOUR * SECOND
    found = plain(chart(source, [make_info()], *window, 500))
    assert found == picked(plain(source.raw(SampleKind.NUMERIC, [1], *window)), *window, 1, 500)


def test_what_retention_took_away_is_shown_from_its_rollups(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source(steady(40, 10))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "raw", lambda *_: SCHEMAS[SampleKind.NUMERIC].empty_table())
        window = start_us + 600 * SECOND, start_us + 40 * HOUR * SECOND
        found = chart(source, [make_info()], *window, 100)
    ts = found["ts"].cast(pa.int64()).to_numpy()
    assert len(ts) > 50
    assert window[0] <= ts.min() < ts.max() < window[1]


def test_whole_numbers_have_charts_and_texts_none(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source([(1, 0, 2**55)], kind=SampleKind.INTEGER)
    infos = [make_info(1, kind=SampleKind.INTEGER), make_info(2, kind=SampleKind.TEXT)]
    found = chart(source, infos, start_us, start_us + 1, 10)
    assert found.to_pylist()[0]["value"] == float(2**55)
    assert found.schema.equals(SCHEMAS[SampleKind.NUMERIC])
    assert chart(source, [], 0, 1, 10).num_rows == 0


def test_an_empty_window_is_refused(make_source: Callable[..., MemorySource]) -> None:
    with pytest.raises(ValueError, match="window"):
        chart(make_source([]), [], 5, 5, 10)
