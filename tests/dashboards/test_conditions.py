from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tundish_dashboards.plant.conditions import Condition, Latest, judge, source_now
from tundish_platform.assets import SourceInfo
from tundish_platform.assets.sources import FailedSignal, SourceSignals
from tundish_platform.samples import SignalInfo, SignalRole

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def _signal(number: int, **more: object) -> SignalInfo:
    values = {
        "path": f"S/A/L/M/C/V{number}",
        "name_zh": "信",
        "name_en": "s",
        "semantic": "x",
        "period_s": 1.0,
    }
    return SignalInfo(**{**values, "id": number, "source": "c", **more})


def _latest(age_s: float, status: int = 0) -> Latest:
    return Latest(NOW - timedelta(seconds=age_s), NOW, 1.0, status)


def _source(failed: tuple[str, ...] = (), silent: tuple[str, ...] = ()) -> SourceInfo:
    signals = SourceSignals(
        failed=tuple(FailedSignal(path=p, reason="BadNodeIdUnknown") for p in failed), silent=silent
    )
    return SourceInfo(name="c", state="running", seen_at=NOW, stale=False, signals=signals)


@pytest.mark.parametrize(
    ("latest", "condition"),
    [
        (_latest(0), Condition.GOOD),
        (_latest(0, 0x40900000), Condition.UNCERTAIN),
        (_latest(0, 0x808C0000), Condition.BAD),
        (_latest(9.9), Condition.GOOD),
        (_latest(11), Condition.SILENT),
        (None, Condition.MISSING),
    ],
)
def test_a_signal_is_judged_by_its_newest_sample(latest: Latest | None, condition: Condition) -> None:
    newest = {} if latest is None else {1: latest}
    (state,) = judge([_signal(1)], newest, [_source()], NOW)
    assert state.condition is condition


def test_signals_sent_on_events_are_never_overdue() -> None:
    (state,) = judge([_signal(1, period_s=None)], {1: _latest(86_400)}, [], NOW)
    assert state.condition is Condition.GOOD


def test_what_the_connector_says_goes_first() -> None:
    signals = [_signal(1), _signal(2)]
    source = _source(failed=(signals[0].path,), silent=(signals[1].path,))
    first, second = judge(signals, {1: _latest(0), 2: _latest(0)}, [source], NOW)
    assert (first.condition, first.reason) == (Condition.FAILED, "BadNodeIdUnknown")
    assert second.condition is Condition.SILENT


def test_source_time_ignores_what_platform_and_apps_computed() -> None:
    signals = [_signal(1), _signal(2, role=SignalRole.PREDICTION)]
    assert source_now(signals, {1: _latest(5), 2: _latest(0)}) == NOW - timedelta(seconds=5)
    assert source_now(signals, {}) is None
