"""The events of the stream: what a page shows of signals and lines, in its reader's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tundish_dashboards.plant.strip import clock_words
from tundish_dashboards.plant.table import signal_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState
    from tundish_dashboards.plant.data import Line


def row_of(view: TenantView, line: Line, state: SignalState) -> bytes:
    """A signal as JSON: the fields of the table's row, all but completeness."""
    return _json(signal_row(view, line, state))


def facts_of(view: TenantView, line: Line) -> bytes:
    """A line's clocks and counts as JSON, by the names of their marks."""
    return _json(clock_words(view, line))


def message(rows: Sequence[bytes], facts: bytes) -> bytes:
    """An event with rows of signals and, where there are any, facts of the line."""
    said = b'"rows":[' + b",".join(rows) + b"]"
    if facts:
        said += b',"line":' + facts
    return b"event: news\ndata: {" + said + b"}\n\n"


def _json(value: Any) -> bytes:  # noqa: ANN401 - of JSON's kinds
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
