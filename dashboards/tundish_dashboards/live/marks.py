"""How a page says what the stream moves on it: one element that names the stream, and marks on the values.

A mark is ``<number of the signal>/<field>`` with a field of the table's rows (`signal_row`), or
``line/<fact>`` with a fact of the shown line (`clock_words`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from dash import dcc, html

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState

STREAM: Final = "live-stream"
NEWS: Final = "live-news"
POLL: Final = "live-poll"
MOST_SIGNALS: Final = 500
"""Signals that a page may name; a line's are not counted."""


def signal_mark(state: SignalState, field: str) -> str:
    """The mark of a signal's field."""
    return f"{state.signal.id}/{field}"


def live(mark: str, words: str, **more: Any) -> Component:  # noqa: ANN401 - of the element
    """Words that the stream replaces; nothing else may stand within the element."""
    marked: dict[str, Any] = {"data-live": mark, **more}
    return html.Span(words, **marked)


def stream_path(tenant: str, *, line: str = "", signals: Iterable[int] = ()) -> str:
    """Where a page gets news of a line's measured signals, or of some signals."""
    asked = {"line": line} if line else {"signals": ",".join(map(str, signals))}
    return f"/live/{tenant}?{urlencode(asked)}"


def stream_parts(
    view: TenantView,
    *,
    line: str = "",
    signals: Iterable[int] = (),
    grid: str = "",
    paused: Iterable[str] = (),
    poll_ms: float = 5_000,
) -> Component:
    """What a page needs to be told news; once a page.

    Callbacks may listen to ``live-news.data``, which moves when a signal's condition did, and to
    ``live-poll.n_intervals``, which ticks only while no stream comes.

    Args:
        view: whose look it is.
        line: path of the line that the page shows, or
        signals: numbers of the signals that it shows.
        grid: id of an AG Grid whose rows are of `signal_row`.
        paused: ids of the page's intervals that shall rest while nobody sees the page.
        poll_ms: between two ticks while no stream comes.
    """
    address = stream_path(view.scope.slug, line=line, signals=signals)
    told: dict[str, Any] = {
        "data-zone": view.formats.zone.key,
        "data-grid": grid,
        "data-paused": " ".join(paused),
    }
    return html.Div(
        [
            html.Div(address, id=STREAM, **told),
            dcc.Store(id=NEWS),
            dcc.Interval(id=POLL, interval=poll_ms, disabled=True),
        ],
        hidden=True,
    )
