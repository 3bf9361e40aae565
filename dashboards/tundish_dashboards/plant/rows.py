"""The rows of the trend chart, read from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from tundish_dashboards.plant.data import read_shares, read_window
from tundish_dashboards.plant.words import value_words
from tundish_dashboards.trends import Row, bridged_ms, plain_text
from tundish_platform.api.completeness import WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState
    from tundish_dashboards.plant.data import LastHour, Line


def read_rows(
    view: TenantView,
    line: Line,
    ids: Sequence[int],
    start: datetime,
    end: datetime,
    points: int,
    hour: LastHour,
) -> list[Row]:
    """A row for each of the signals that the line has, in the order asked for.

    Of an hour the rows tell the shares of ``hour``, which the table shows: one read a few seconds later could
    differ, and two numbers for one thing are one too many.
    """
    known = {state.signal.id: state for state in line.states}
    states = [known[i] for i in ids if i in known]
    span = end - start
    shares = hour.shares if span == WINDOW else read_shares(view, line, [s.signal for s in states], span)
    gaps = view.context.telemetry.gaps(view.scope, [state.signal.id for state in states], start, end)
    return [
        Row(
            signal=state.signal,
            samples=read_window(view, state.signal, start, end, points).select(["ts", "value", "status"]),
            gaps=gaps.filter(pc.equal(gaps.column("signal"), state.signal.id)).select(
                ["ts", "end", "reason"]
            ),
            title=_title(view, state, shares.get(state.signal.id)),
            bridged_ms=bridged_ms(state.signal.period_s, span.total_seconds(), points),
        )
        for state in states
    ]


def _title(view: TenantView, state: SignalState, share: float | None) -> str:
    """Name, newest value, and how complete its data is: what the table says of the same window."""
    name = plain_text(view.t.of(state.signal.name_zh, state.signal.name_en))
    value = plain_text(value_words(view, state))
    parts = [f"<b>{name}</b>", value]
    if share is not None:
        parts.append(view.t("trend.complete", share=view.formats.percent(share)))
    return "  ·  ".join(parts)
