"""What the explorer reads: the chosen signals over a window, and their figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tundish_dashboards.explorer.window import COMPARED, wished_window
from tundish_dashboards.trends import Row, bridged_ms, plain_text
from tundish_platform.annotations import annotations_on
from tundish_platform.assets import UnknownSignals, find_signals
from tundish_platform.maintenance import records_on
from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.quota import OverQuota, QueryTooLong
from tundish_platform.store.rows import EARLIEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.explorer.window import Window
    from tundish_platform.annotations import AnnotationView
    from tundish_platform.maintenance import RecordView
    from tundish_platform.samples import SignalInfo

MOST_SIGNALS: Final = 8
MOST_NOTES: Final = 50
CHARTED: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT})
# Each change of a state is drawn; months of them neither fit on a screen nor in an answer.
LONGEST_STATES: Final = timedelta(days=7)
# So many expected samples are read beyond both edges, so that the line runs on to them.
_BEYOND_PERIODS: Final = 2
_BEYOND_SHARE: Final = 50
_UNKNOWN_PERIOD_S: Final = 60.0


class TooMuch(Exception):  # noqa: N818 - says how it stands
    """The store called the reading off: too long a time, or too many signals."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one signal over a window; None where it cannot be said.

    Attributes:
        mean, low, high: of good values, the mean weighted by time.
        count: samples.
        completeness: share of the time with good data.
    """

    mean: float | None
    low: float | None
    high: float | None
    count: int
    completeness: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """The chosen signals over a window.

    Attributes:
        signals: that the person may see, in the order chosen.
        window: what is shown.
        rows: of the chart.
        figures: by signal.
        arrival: when the newest sample of all came; None before the first.
        notes: on the signals or on what lies above them, the newest first.
        work: maintenance of the machines that the signals are of.
    """

    signals: Sequence[SignalInfo]
    window: Window
    rows: Sequence[Row]
    figures: Mapping[int, Figures]
    arrival: datetime | None
    notes: Sequence[AnnotationView]
    work: Sequence[RecordView] = ()


def visible_signals(view: TenantView, ids: Sequence[int]) -> list[SignalInfo]:
    """Those of the signals that the person may see and a chart can show, in their order."""
    with view.context.metadata.session() as session:
        try:
            found = find_signals(session, view.scope, ids)
        except UnknownSignals as unknown:
            # Of an address that somebody else handed on, or of a signal that is gone.
            found = find_signals(session, view.scope, [i for i in ids if i not in unknown.ids])
    return [signal for signal in found if signal.kind in CHARTED][:MOST_SIGNALS]


def newest_of(view: TenantView, signals: Sequence[SignalInfo]) -> tuple[datetime, datetime | None]:
    """Newest source time of the signals, by the clock where nothing has come, and newest arrival."""
    if signals:
        latest = view.context.telemetry.latest(view.scope, [signal.id for signal in signals])
        if latest.num_rows:
            return pc.max(latest["ts"]).as_py(), pc.max(latest["arrival"]).as_py()
    return datetime.now(UTC), None


def look_at(view: TenantView, ids: Sequence[int], wish: object, points: int, compared: str) -> Look:
    """Read everything that the page shows of the chosen signals.

    Args:
        view: who looks.
        ids: of signals; those that the person may not see are left out.
        wish: the window that the browser asked for.
        points: of each signal's line, about.
        compared: a key of `COMPARED`.

    Raises:
        TooMuch: the store called it off.
    """
    signals = visible_signals(view, ids)
    newest, arrival = newest_of(view, signals)
    window = wished_window(wish, view.formats.zone, newest)
    try:
        figures = _figures(view, signals, window)
        rows = _rows(view, signals, window, points, compared, figures)
    except (OverQuota, QueryTooLong) as stopped:
        raise TooMuch from stopped
    notes, work = notes_on(view, signals, window), work_on(view, signals, window)
    return Look(signals, window, rows, figures, arrival, notes, work)


def notes_on(view: TenantView, signals: Sequence[SignalInfo], window: Window) -> list[AnnotationView]:
    """What people noted of the window on these signals."""
    if not signals:
        return []
    with view.context.metadata.session() as session:
        paths = [signal.path for signal in signals]
        return annotations_on(session, view.scope, paths, window.start, window.end, MOST_NOTES)


def work_on(view: TenantView, signals: Sequence[SignalInfo], window: Window) -> list[RecordView]:
    """What was done in the window on the machines of these signals."""
    if not signals:
        return []
    with view.context.metadata.session() as session:
        paths = [signal.path for signal in signals]
        return records_on(session, view.scope, paths, window.start, window.end, MOST_NOTES)


def _figures(view: TenantView, signals: Sequence[SignalInfo], window: Window) -> dict[int, Figures]:
    if not signals:
        return {}
    table = view.context.telemetry.summary(view.scope, signals, window.start, window.end)
    return {
        row["signal"]: Figures(row["mean"], row["min"], row["max"], row["count"], row["completeness"])
        for row in table.to_pylist()
    }


def _rows(
    view: TenantView,
    signals: Sequence[SignalInfo],
    window: Window,
    points: int,
    compared: str,
    figures: Mapping[int, Figures],
) -> list[Row]:
    ids = [signal.id for signal in signals]
    gaps = view.context.telemetry.gaps(view.scope, ids, window.start, window.end)
    shift = COMPARED[compared]
    back = window.length if shift == timedelta(0) else shift
    return [
        Row(
            signal=signal,
            samples=_samples(view, signal, window, points),
            gaps=gaps.filter(pc.equal(gaps["signal"], signal.id)).select(["ts", "end", "reason"]),
            title=_title(view, signal, window, figures.get(signal.id)),
            bridged_ms=bridged_ms(signal.period_s, window.length.total_seconds(), points),
            earlier=_earlier(view, signal, window, points, back),
        )
        for signal in signals
    ]


def _samples(view: TenantView, signal: SignalInfo, window: Window, points: int) -> pa.Table:
    columns = ["ts", "value", "status"]
    telemetry = view.context.telemetry
    if signal.kind is not SampleKind.TEXT:
        start, end = _widened(signal, window)
        return telemetry.trend(view.scope, [signal], start, end, points).select(columns)
    until = window.start + min(window.length, LONGEST_STATES)
    states = telemetry.read(view.scope, [signal.id], window.start, until, SampleKind.TEXT).select(columns)
    return states if until == window.end else states.slice(0, 0)


def _widened(signal: SignalInfo, window: Window) -> tuple[datetime, datetime]:
    beyond = timedelta(seconds=_BEYOND_PERIODS * (signal.period_s or _UNKNOWN_PERIOD_S))
    margin = max(beyond, window.length / _BEYOND_SHARE)
    return max(window.start - margin, EARLIEST), window.end + margin


def _earlier(
    view: TenantView, signal: SignalInfo, window: Window, points: int, back: timedelta | None
) -> pa.Table | None:
    if back is None or signal.kind is SampleKind.TEXT or window.start - back < EARLIEST:
        return None
    start, end = _widened(signal, window)
    past = max(start - back, EARLIEST), end - back
    found = view.context.telemetry.trend(view.scope, [signal], *past, points)
    moved = pc.add(found["ts"], pa.scalar(back, pa.duration("us")))
    return found.set_column(found.schema.get_field_index("ts"), "ts", moved).select(["ts", "value", "status"])


def _title(view: TenantView, signal: SignalInfo, window: Window, figures: Figures | None) -> str:
    parts = [f"<b>{plain_text(view.t.of(signal.name_zh, signal.name_en))}</b>", plain_text(signal.path)]
    if signal.kind is SampleKind.TEXT and window.length > LONGEST_STATES:
        parts.append(view.t("explorer.states_too_long", days=LONGEST_STATES.days))
    elif figures is not None and figures.completeness is not None:
        parts.append(view.t("trend.complete", share=view.formats.percent(figures.completeness)))
    return "  ·  ".join(parts)
