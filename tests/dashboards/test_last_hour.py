"""The plant's page tells the completeness that the API tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tundish_dashboards.plant import rows
from tundish_dashboards.plant.conditions import Latest, SignalState, judge, source_now
from tundish_dashboards.plant.data import LastHour, Line, Summary, read_last_hour, read_shares
from tundish_platform.api.completeness import WINDOW, completeness
from tundish_platform.samples import SignalInfo
from tundish_platform.store.query.summary import SUMMARY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 1, 31, 4, tzinfo=UTC)
SAMPLES = pa.table({"ts": [NOW], "value": [1.0], "status": [0]})
US = timedelta(microseconds=1)


class Store:
    """Answers each signal's number / 10 as completeness where it has a period, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], datetime, datetime]] = []

    def summary(
        self, _scope: object, signals: Sequence[SignalInfo], start: datetime, end: datetime
    ) -> pa.Table:
        self.asked.append(([s.id for s in signals], start, end))
        rows = [
            {"signal": s.id, "mean": 1.0, "count": 1, "completeness": s.id / 10 if s.period_s else None}
            for s in signals
        ]
        return pa.Table.from_pylist(rows, schema=SUMMARY_SCHEMA)


def signal(number: int, period_s: float | None) -> SignalInfo:
    return SignalInfo(
        id=number,
        source="c",
        path=f"S/A/L/M/C/{number}",
        name_zh="值",
        name_en="value",
        semantic="x",
        period_s=period_s,
    )


def line(signals: list[SignalInfo], newest: dict[int, datetime]) -> Line:
    latest = {number: Latest(ts, ts, 1.0, 0) for number, ts in newest.items()}
    states: tuple[SignalState, ...] = tuple(judge(signals, latest, [], NOW))
    now = max(newest.values(), default=None)
    return Line(("S/A/L",), "S/A/L", states, (), latest, (), now, now)


def test_share_and_summaries_are_of_the_one_window() -> None:
    store = Store()
    view: Any = SimpleNamespace(context=SimpleNamespace(telemetry=store), scope=object())
    shown = line([signal(2, 1.0), signal(4, 1.0), signal(9, None)], {2: NOW - WINDOW, 4: NOW, 9: NOW})
    found = read_last_hour(view, shown)
    assert found.share == pytest.approx(0.3)
    times = [latest.ts for latest in shown.latest.values()]
    assert found.share == completeness(view.context, view.scope, shown.signals, times).share
    assert timedelta(hours=1) == WINDOW
    assert store.asked[:2] == [([2, 4], NOW + US - WINDOW, NOW + US), ([9], NOW + US - WINDOW, NOW + US)]
    assert {number: one.completeness for number, one in found.signals.items()} == {2: 0.2, 4: 0.4, 9: None}


def test_a_clock_far_ahead_moves_no_window_and_nothing_says_nothing() -> None:
    store = Store()
    view: Any = SimpleNamespace(context=SimpleNamespace(telemetry=store), scope=object())
    future = datetime(2199, 12, 31, tzinfo=UTC)
    found = read_last_hour(view, line([signal(2, 1.0), signal(4, 1.0)], {2: NOW, 4: future}))
    assert {end for _, _, end in store.asked} == {NOW + US}
    assert found.share == pytest.approx(0.3)
    empty = read_last_hour(view, line([signal(2, 1.0)], {}))
    assert (empty.share, dict(empty.signals)) == (None, {})


def test_the_chart_of_an_hour_tells_the_completeness_that_the_table_tells() -> None:
    store = Store()
    view: Any = SimpleNamespace(context=SimpleNamespace(telemetry=store), scope=object())
    # Eight samples of a signal of 900 s take two hours; the newest of all is later than its own.
    slow, fast = signal(3, 900.0), signal(4, 1.0)
    shown = line([slow, fast], {3: NOW - timedelta(minutes=14), 4: NOW})
    table = read_last_hour(view, shown)
    windows = list(store.asked)
    assert ([3], NOW + US - timedelta(hours=2), NOW + US) in windows
    shares = read_shares(view, shown, [slow, fast], WINDOW)
    assert store.asked[len(windows) :] == windows
    assert shares == {number: one.completeness for number, one in table.signals.items()}


def test_the_chart_ends_where_the_table_does_when_a_clock_is_far_ahead() -> None:
    signals = [signal(2, 1.0), signal(4, 1.0)]
    newest = {2: NOW, 4: datetime(2199, 12, 31, tzinfo=UTC)}
    latest = {number: Latest(ts, ts, 1.0, 0) for number, ts in newest.items()}
    assert source_now(signals, latest) == NOW


def test_the_chart_of_an_hour_keeps_the_share_that_the_table_shows_while_the_store_moves_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store()
    none = pa.table({"signal": pa.array([], pa.int64()), "ts": [], "end": [], "reason": []})
    telemetry: Any = SimpleNamespace(summary=store.summary, gaps=lambda *_: none)
    words = SimpleNamespace(of=lambda _zh, en: en)
    view: Any = SimpleNamespace(context=SimpleNamespace(telemetry=telemetry), scope=object(), t=words)
    monkeypatch.setattr(rows, "read_window", lambda *_: SAMPLES)
    told: list[float | None] = []

    def title(_view: object, _state: object, share: float | None) -> str:
        told.append(share)
        return ""

    monkeypatch.setattr(rows, "_title", title)
    shown = line([signal(2, 1.0)], {2: NOW})
    hour = LastHour(0.905, {2: Summary(1.0, 1.0, 1.0, 0.905)})
    rows.read_rows(view, shown, [2], NOW - WINDOW, NOW, 100, hour)
    rows.read_rows(view, shown, [2], NOW - 4 * WINDOW, NOW, 100, hour)
    assert told == [0.905, 0.2]
