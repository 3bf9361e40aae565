from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SCHEMAS, SampleKind, severity
from tundish_platform.store.query.rollup import HOUR_US, MINUTE_US, ROLLUP_SCHEMA, dense_enough, rollup

if TYPE_CHECKING:
    from collections.abc import Callable

BAD, UNCERTAIN, GOOD_DETAIL = 0x80310000, 0x40000000, 0x00000400

ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 400),
        st.none() | st.floats(-1e3, 1e3) | st.sampled_from([1.0, 1.0, math.nan, math.inf]),
        st.sampled_from([0, 0, 0, GOOD_DETAIL, UNCERTAIN, BAD, 0xC0000000]),
    ),
    max_size=120,
)


def by_hand(rows: list[dict[str, Any]], start: int) -> dict[str, Any]:
    """One bucket of one signal, row by row."""
    good = [
        severity(row["status"]) == 0 and row["value"] is not None and math.isfinite(row["value"])
        for row in rows
    ]
    sound = [row for row, fine in zip(rows, good, strict=True) if fine]
    usable = [row for row in rows if severity(row["status"]) < 2 and math.isfinite(row["value"] or 0)]
    usable = [row for row in usable if row["value"] is not None]
    worst = max(rows, key=lambda row: severity(row["status"]))
    marks = {
        "first": rows[0],
        "low": min(usable, key=lambda row: row["value"], default=None),
        "high": max(reversed(usable), key=lambda row: row["value"], default=None),
        "worst": worst if severity(worst["status"]) else None,
        "last": rows[-1],
    }
    found = {}
    for mark, row in marks.items():
        found[f"{mark}_us"] = row["ts"] - start if row else 0
        found[f"{mark}_value"] = row["value"] if row else None
        found[f"{mark}_status"] = row["status"] if row else 0
    order = sorted(row["value"] for row in sound)
    for mark, values in {"first": sound[:1], "last": sound[-1:]}.items():
        found[f"good_{mark}"] = values[0]["value"] if values else None
    found |= {"good_low": order[0] if order else None, "good_high": order[-1] if order else None}
    held = line = good_us = longest = 0.0
    for i, (a, b) in enumerate(pairwise(rows)):
        step = b["ts"] - a["ts"]
        longest = max(longest, step)
        if good[i]:
            good_us += step
            held += a["value"] * step
            line += (a["value"] + b["value"]) / 2 * step if good[i + 1] else a["value"] * step
    uncertain = sum(severity(row["status"]) == 1 for row in rows)
    counts = {"count": len(rows), "good": sum(good), "uncertain": uncertain}
    sums = {"total": sum(row["value"] for row in sound), "held": held, "line": line}
    return found | counts | sums | {"good_us": good_us, "max_step_us": longest}


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, width=st.sampled_from([MINUTE_US, 7_000_000]))
def test_a_row_is_what_counting_by_hand_finds(
    make_rows: Callable[..., pa.Table], rows: list[tuple[Any, ...]], width: int
) -> None:
    table = make_rows(SampleKind.NUMERIC, rows)
    groups: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in table.set_column(1, "ts", table["ts"].cast(pa.int64())).to_pylist():
        groups.setdefault((row["signal"], row["ts"] // width * width), []).append(row)
    found = rollup(table, width)
    assert found.schema.equals(ROLLUP_SCHEMA)
    found.validate(full=True)
    got = found.set_column(1, "ts", found["ts"].cast(pa.int64())).to_pylist()
    assert [(row["signal"], row["ts"]) for row in got] == list(groups)
    for row, (key, members) in zip(got, groups.items(), strict=True):
        for name, value in by_hand(members, key[1]).items():
            # Sums of products up to 1e11 are rounded, the more so the more they cancel out.
            near = 1e-2 if name in {"held", "line"} else 1e-8
            close = value if value is None else pytest.approx(value, rel=1e-12, abs=near, nan_ok=True)
            assert row[name] == close, name


def test_blocks_that_are_gone_through_one_by_one_fit_together() -> None:
    rng = np.random.default_rng(7)
    per_signal = 50_000
    ts = np.tile(np.arange(per_signal) * 1_000_000, 4) + 1_772_323_200_000_000
    status = np.where(rng.random(4 * per_signal) < 0.0001, BAD, 0).astype(np.uint32)
    arrays = [
        pa.array(np.repeat(np.arange(4, dtype=np.uint32), per_signal)),
        pa.array(ts).cast(pa.timestamp("us", "UTC")),
        pa.array(rng.normal(size=4 * per_signal)),
        pa.array(status),
    ]
    table = pa.table(arrays, schema=SCHEMAS[SampleKind.NUMERIC])
    parts = [rollup(table.slice(i * per_signal, per_signal), HOUR_US) for i in range(4)]
    assert rollup(table, HOUR_US).equals(pa.concat_tables(parts).combine_chunks())


def test_whole_numbers_are_rolled_up_as_floats(make_rows: Callable[..., pa.Table]) -> None:
    rows = [(1, 0, 2**60 + 1), (1, 1, None, BAD), (1, 2, 7)]
    (row,) = rollup(make_rows(SampleKind.INTEGER, rows), MINUTE_US).to_pylist()
    assert (row["high_value"], row["low_value"], row["good"]) == (float(2**60), 7.0, 2)


def test_sums_beyond_what_floats_hold_raise_no_alarm(make_rows: Callable[..., pa.Table]) -> None:
    (row,) = rollup(make_rows(SampleKind.NUMERIC, [(1, 0, 1e308), (1, 9, 1e308)]), MINUTE_US).to_pylist()
    assert (row["held"], row["high_value"]) == (math.inf, 1e308)


@pytest.mark.parametrize("width", [0, 2**32 + 1])
def test_a_width_that_offsets_cannot_hold_is_refused(make_rows: Callable[..., pa.Table], width: int) -> None:
    with pytest.raises(ValueError, match="bucket"):
        rollup(make_rows(SampleKind.NUMERIC, []), width)


def test_minutes_are_worth_it_for_signals_that_fill_them(make_rows: Callable[..., pa.Table]) -> None:
    rows = [(1, t, 0.0) for t in range(0, 600, 3)] + [(2, t, 0.0) for t in range(0, 600, 4)]
    # Holes do not thin what lies beside them.
    rows += [(3, t + day, 0.0) for day in (0, 80_000) for t in range(60)] + [(4, 5, 0.0)]
    table = make_rows(SampleKind.NUMERIC, rows)
    assert dense_enough(table).tolist() == [1, 3]
    assert dense_enough(table, MINUTE_US, 1).tolist() == [1, 2, 3, 4]
    assert dense_enough(table.slice(0, 0)).tolist() == []
