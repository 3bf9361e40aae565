"""The rows of the trend chart, read from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from tundish_dashboards.plant.chart import Row
from tundish_dashboards.plant.data import read_shares, read_window
from tundish_dashboards.plant.words import value_words
from tundish_platform.api.completeness import WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState
    from tundish_dashboards.plant.data import LastHour, Line


# The store keeps at most so many samples of each of its buckets.
POINTS_PER_BUCKET = 5
_BRIDGED_PERIODS = 5


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
            bridged_ms=_bridged_ms(state.signal.period_s, span.total_seconds(), points),
        )
        for state in states
    ]


def _bridged_ms(period_s: float | None, window_s: float, points: int) -> float | None:
    """Longest step of a line: some expected samples, and what the store's thinning may leave out."""
    if period_s is None:
        return None
    bucket_s = window_s / max(1, points // POINTS_PER_BUCKET)
    return 1000 * (_BRIDGED_PERIODS * period_s + bucket_s)


def _title(view: TenantView, state: SignalState, share: float | None) -> str:
    """Name, newest value, and how complete its data is: what the table says of the same window."""
    name = _plain(view.t.of(state.signal.name_zh, state.signal.name_en))
    value = _plain(value_words(view, state))
    parts = [f"<b>{name}</b>", value]
    if share is not None:
        parts.append(view.t("trend.complete", share=view.formats.percent(share)))
    return "  ·  ".join(parts)


def _plain(words: str) -> str:
    """Words as text: Plotly would read angle brackets as its own markup."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
