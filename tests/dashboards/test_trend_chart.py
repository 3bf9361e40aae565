from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from tundish_dashboards.formats import Formats
from tundish_dashboards.i18n import Language, texts
from tundish_dashboards.trends import Row, trend_figure
from tundish_platform.samples import SCHEMAS, SampleKind, SignalInfo

START = datetime(2026, 11, 21, 4, tzinfo=UTC)
END = START + timedelta(minutes=1)
VIEW: Any = SimpleNamespace(t=texts(Language.EN), formats=Formats(Language.EN, ZoneInfo("Asia/Shanghai")))


def _row(
    seconds: list[int],
    values: list[Any],
    statuses: list[int],
    gaps: tuple[tuple[int, int], ...] = (),
    *,
    step: bool = False,
) -> Row:
    kind = SampleKind.TEXT if isinstance(values[0], str) else SampleKind.NUMERIC
    signal = SignalInfo(
        id=7,
        source="c",
        path="S/A/L/M/C/V",
        name_zh="值",
        name_en="value",
        semantic="x",
        kind=kind,
        step=step,
    )
    schema = SCHEMAS[kind]
    columns = [[START + timedelta(seconds=s) for s in seconds], values, statuses]
    names = ("ts", "value", "status")
    samples = pa.table({n: pa.array(c, schema.field(n).type) for n, c in zip(names, columns, strict=True)})
    holes = SCHEMAS[SampleKind.GAP]
    spans = [[START + timedelta(seconds=g[e]) for g in gaps] for e in (0, 1)]
    table = pa.table(
        {"ts": pa.array(spans[0], holes.field("ts").type), "end": pa.array(spans[1], holes.field("end").type),
         "reason": pa.array(["silent"] * len(gaps), pa.string())}
    )  # fmt: skip
    return Row(signal, samples, table, "value", bridged_ms=5000.0)


def _array(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=packed["dtype"])


def _local_seconds(moments: list[str | None]) -> list[float | None]:
    first = datetime(2026, 11, 21, 12)
    return [None if m is None else (datetime.fromisoformat(m) - first).total_seconds() for m in moments]


def test_times_are_wall_clock_of_the_plant() -> None:
    line = trend_figure(VIEW, [_row([0, 1], [1.0, 2.0], [0, 0])], START, END)["data"][0]
    assert _local_seconds(line["x"]) == [0.0, 1.0]
    assert _array(line["y"]).tolist() == [1.0, 2.0]


def test_a_recorded_gap_opens_the_line_and_is_shaded() -> None:
    figure = trend_figure(VIEW, [_row([0, 1, 4, 5], [1.0, 1.0, 1.0, 1.0], [0] * 4, ((2, 4),))], START, END)
    assert np.isnan(_array(figure["data"][0]["y"])).tolist() == [False, False, True, False, False]
    (shape,) = figure["layout"]["shapes"]
    assert _local_seconds([shape["x0"], shape["x1"]]) == [2.0, 4.0]


def test_missing_samples_open_the_line_without_a_record() -> None:
    line = trend_figure(VIEW, [_row([0, 1, 9], [1.0, 1.0, 1.0], [0] * 3)], START, END)["data"][0]
    assert np.isnan(_array(line["y"])).tolist() == [False, False, True, False]


def test_bad_quality_is_marked_and_never_drawn_as_a_value() -> None:
    row = _row([0, 1, 2], [5.0, None, 7.0], [0, 0x808C0000, 0x40900000])
    line, uncertain, bad, _ = trend_figure(VIEW, [row], START, END)["data"]
    assert np.isnan(_array(line["y"])).tolist() == [False, True, False]
    assert (_local_seconds(uncertain["x"]), _array(uncertain["y"]).tolist()) == ([2.0], [7.0])
    assert (_local_seconds(bad["x"]), _array(bad["y"]).tolist()) == ([1.0], [5.0])


def test_a_bad_status_with_a_value_is_not_drawn_either() -> None:
    line = trend_figure(VIEW, [_row([0, 1], [5.0, 999.0], [0, 0x80000000])], START, END)["data"][0]
    assert np.isnan(_array(line["y"])).tolist() == [False, True]


def test_steps_hold_their_value() -> None:
    figure = trend_figure(VIEW, [_row([0, 40], [1.0, 2.0], [0, 0], step=True)], START, END)
    assert figure["data"][0]["line"]["shape"] == "hv"
    assert not np.isnan(_array(figure["data"][0]["y"])).any()


def test_states_are_bands_that_end_where_nothing_is_known() -> None:
    row = _row([0, 20, 40], ["Execute", "Idle", "Execute"], [0, 0, 0], ((30, 40),))
    execute, idle, _ = trend_figure(VIEW, [row], START, END)["data"]
    assert _local_seconds(execute["x"]) == [0.0, 20.0, None, 40.0, 60.0, None]
    assert _local_seconds(idle["x"][:2]) == [20.0, 30.0]


def test_a_double_click_finds_the_whole_window() -> None:
    figure = trend_figure(VIEW, [_row([20], [1.0], [0])], START, END)
    assert "range" not in figure["layout"]["xaxis"]
    assert _local_seconds(figure["data"][-1]["x"]) == [0.0, 60.0]


def test_no_finite_value_at_all_is_drawn_without_failing() -> None:
    row = _row([0, 1], [float("nan"), float("nan")], [0x80310000] * 2)
    figure = trend_figure(VIEW, [row], START, END)
    assert len(figure["data"]) == 3
