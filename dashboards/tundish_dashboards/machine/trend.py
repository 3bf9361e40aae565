"""History of a machine's condition: what models said, or its own signals where none speaks, with its work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from tundish_dashboards.explorer.notes import note_marks
from tundish_dashboards.machine.records import work_notes
from tundish_dashboards.plant.conditions import Condition, SignalState
from tundish_dashboards.plant.data import read_window
from tundish_dashboards.plant.words import value_words
from tundish_dashboards.trends import POINTS_PER_BUCKET, Row, bridged_ms, plain_text, trend_figure
from tundish_platform.annotations import annotations_on
from tundish_platform.maintenance import records_on
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.machine.data import Machine
    from tundish_platform.samples import SignalInfo

SPANS: Final = {
    "1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30),
    "1y": timedelta(days=366),
}  # fmt: skip
FIRST_SPAN: Final = "1d"
_MOST: Final = 6
_MARKS: Final = 50
_PIXELS_PER_BUCKET: Final = 3
_NUMBERS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})
_MEASURED: Final = frozenset({SignalRole.MEASUREMENT, SignalRole.RESULT})


def charted(machine: Machine) -> list[SignalInfo]:
    """What the chart shows: values that models predicted, then states and measurements of the machine."""
    derived = {signal.id: signal for signal in machine.line.derived}
    said = [derived[p.value_signal] for p in machine.predictions if p.value_signal in derived]
    own = [state.signal for state in machine.states]
    states = [s for s in own if s.role is SignalRole.STATE and s.kind is SampleKind.TEXT][:1]
    kinds: dict[str, SignalInfo] = {}
    for signal in own:
        if signal.kind in _NUMBERS and signal.role in _MEASURED:
            kinds.setdefault(f"{signal.semantic.partition('.')[0]} {signal.unit}", signal)
    return [*said[: _MOST - 1], *states, *kinds.values()][:_MOST]


def history_figure(view: TenantView, machine: Machine, span: str, pixels: int) -> dict[str, Any] | None:
    """The chart over the span that ends now, with notes and work marked; None where there is nothing."""
    signals = charted(machine)
    if not signals:
        return None
    end = machine.clock
    start = end - SPANS[span]
    points = pixels * POINTS_PER_BUCKET // _PIXELS_PER_BUCKET
    rows = [_row(view, machine, signal, (start, end), points) for signal in signals]
    figure = trend_figure(view, rows, start, end, pixels, clipped=True)
    paths = [machine.path, *(signal.path for signal in signals)]
    with view.context.metadata.session() as session:
        notes = annotations_on(session, view.scope, paths, start, end, _MARKS)
        work = records_on(session, view.scope, [machine.path], start, end, _MARKS)
    figure["layout"]["shapes"] += note_marks(view, [*notes, *work_notes(view, work)])
    return figure


def _row(
    view: TenantView, machine: Machine, signal: SignalInfo, window: tuple[datetime, datetime], points: int
) -> Row:
    start, end = window
    gaps = view.context.telemetry.gaps(view.scope, [signal.id], start, end)
    latest = machine.line.latest.get(signal.id)
    state = SignalState(signal, latest, Condition.GOOD if latest else Condition.MISSING)
    name = plain_text(view.t.of(signal.name_zh, signal.name_en))
    return Row(
        signal=signal,
        samples=read_window(view, signal, start, end, points).select(["ts", "value", "status"]),
        gaps=gaps.filter(pc.equal(gaps["signal"], signal.id)).select(["ts", "end", "reason"]),
        title=f"<b>{name}</b>  ·  {plain_text(value_words(view, state))}",
        bridged_ms=bridged_ms(signal.period_s, (end - start).total_seconds(), points),
    )
