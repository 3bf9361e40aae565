"""The worked examples of docs/reference/queries.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.aggregate import AGGREGATE_SCHEMA, aggregate
from tundish_platform.store.query.chart import chart
from tundish_platform.store.query.grid import COMPLETENESS_KEY, wide
from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.query.states import STATES_SCHEMA, time_in_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MemorySource

    from tundish_platform.samples import SignalInfo

BAD = 0x80310000
SECOND = 1_000_000
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "queries.md"


def test_a_window_with_a_bad_sample_and_a_gap(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source([(1, 0, 1.0), (1, 10, 3.0), (1, 20, 5.0, BAD), (1, 30, 4.0)], gaps=[(1, 50, 55)])
    window = start_us + np.array([[0, 60]]) * SECOND
    (row,) = aggregate(source, [make_info(period_s=10.0)], window).drop_columns(["start", "end"]).to_pylist()
    assert row == {
        "signal": 1,
        "mean": 3.25,
        "min": 1.0,
        "max": 4.0,
        "first": 1.0,
        "last": 4.0,
        "count": 4,
        "integral": 130.0,
        "good_share": 0.75,
        "good_s": 40.0,
        "completeness": pytest.approx(2 / 3),
        "percent_good": 80.0,
    }
    (held,) = aggregate(source, [make_info(period_s=10.0)], window, {1: True}).to_pylist()
    assert (held["integral"], held["mean"]) == (120.0, 3.0)


def test_states_sent_on_events(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source([(1, 0, "run"), (1, 100, "stop"), (1, 160, "run")], kind=SampleKind.TEXT)
    info = make_info(kind=SampleKind.TEXT, period_s=None)
    rows = time_in_state(source, [info], start_us + np.array([[0, 200]]) * SECOND).to_pylist()
    assert [tuple(row[name] for name in ("state", "seconds", "entries", "completeness")) for row in rows] == [
        ("run", 140.0, 2, 1.0),
        ("stop", 60.0, 1, 1.0),
    ]


def test_a_chart_of_thirty_days(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    rng = np.random.default_rng(4)
    times = np.arange(0, 30 * 86_400, 120)
    source = make_source(
        [(1, t, v) for t, v in zip(times.tolist(), rng.normal(size=len(times)).tolist(), strict=True)]
    )
    found = chart(source, [make_info()], start_us, start_us + 30 * 86_400 * SECOND, 2_000)
    assert source.read == {"raw": 0, "pieces": 720}
    assert found.num_rows <= 2_000
    buckets = (found["ts"].cast("int64").to_numpy() // (3_600 * SECOND) * 3_600 - start_us // SECOND) // 6_480
    assert len(np.unique(buckets)) == 400


def test_a_grid_of_forty_seconds(
    make_source: Callable[..., MemorySource], make_info: Callable[..., SignalInfo], start_us: int
) -> None:
    source = make_source([(1, -3, 1.0), (1, 10, 2.0), (1, 19, 3.0), (1, 31, None, BAD)])
    grid = (start_us, start_us + 40 * SECOND, 10 * SECOND)
    assert wide(source, [make_info()], grid)["s1"].to_pylist() == [1, 2, 3, 3]
    young = wide(source, [make_info()], grid, 9 * SECOND)
    assert young["s1"].to_pylist() == [1, 2, 3, None]
    assert json.loads(young.schema.metadata[COMPLETENESS_KEY]) == {"s1": 0.75}


def test_the_page_names_every_column() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for schema in (AGGREGATE_SCHEMA, STATES_SCHEMA):
        assert f"`{', '.join(schema.names)}`" in text
    for name in ROLLUP_SCHEMA.names:
        mark, _, part = name.partition("_")
        assert f"`{name}`" in text or (part in {"us", "value", "status"} and f"`{mark}_…`" in text)
