"""Every signal in one table; only changed rows travel, so thousands of signals stay light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_ag_grid as dag

from tundish_dashboards.plant.conditions import Condition
from tundish_dashboards.plant.strip import reason_words, state_note
from tundish_dashboards.plant.words import status_words, value_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState
    from tundish_dashboards.plant.data import Line, Summary

_ROWS_SHOWN = 14
_ROW_PX = 32


def signal_table(view: TenantView, line: Line, summaries: Mapping[int, Summary]) -> Component:
    """The grid with all rows of this moment."""
    t = view.t
    rows = signal_rows(view, line, summaries)
    height = _ROW_PX * (min(len(rows), _ROWS_SHOWN) + 1) + 6
    grid: Component = dag.AgGrid(
        id="signal-grid",
        rowData=rows,
        columnDefs=_columns(view),
        getRowId="params.data.id",
        columnSize=None,
        className="grid",
        style={"height": f"{max(height, 140)}px"},
        defaultColDef={"sortable": True, "resizable": True, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "rowHeight": _ROW_PX,
            "headerHeight": _ROW_PX,
            "suppressCellFocus": False,
            "enableCellTextSelection": True,
            "ensureDomOrder": True,
            "animateRows": False,
            "localeText": {"noRowsToShow": t("plant.no_signals"), "loadingOoo": t("shell.loading")},
        },
    )
    return grid


def _columns(view: TenantView) -> list[dict[str, Any]]:
    t = view.t
    mark = {
        "styleConditions": [
            {"condition": "params.data.level > 1", "style": {"color": "var(--bad)", "fontWeight": 600}},
            {"condition": "params.data.level == 1", "style": {"color": "var(--notice)", "fontWeight": 600}},
        ]
    }
    return [
        {"field": "name", "headerName": t("table.name"), "minWidth": 150, "flex": 2, "tooltipField": "path"},
        {"field": "value", "headerName": t("table.value"), "minWidth": 120, "flex": 1,
         "type": "rightAligned"},
        {"field": "status", "headerName": t("table.status"), "minWidth": 130, "flex": 2, "cellStyle": mark,
         "tooltipField": "reason"},
        {"field": "complete", "headerName": t("table.completeness"), "width": 110, "type": "rightAligned"},
        {"field": "ts", "headerName": t("table.source_time"), "width": 170},
        {"field": "arrival", "headerName": t("table.arrival"), "width": 170},
        {"field": "path", "headerName": t("table.path"), "minWidth": 260, "flex": 2},
    ]  # fmt: skip


def signal_rows(view: TenantView, line: Line, summaries: Mapping[int, Summary]) -> list[dict[str, Any]]:
    """A row per measured signal, all values as the person reads them."""
    return [
        signal_row(view, line, state) | {"complete": _complete(view, summaries.get(state.signal.id))}
        for state in line.states
    ]


def _complete(view: TenantView, summary: Summary | None) -> str:
    return view.formats.percent(summary.completeness if summary else None)


def signal_row(view: TenantView, line: Line, state: SignalState) -> dict[str, Any]:
    """A signal's row without its completeness, which is of an hour and not of a moment."""
    signal, latest = state.signal, state.latest
    good = state.condition is Condition.GOOD
    quality = state.condition in {Condition.BAD, Condition.UNCERTAIN}
    words = (
        status_words(view, latest.status) if latest and quality else view.t(f"condition.{state.condition}")
    )
    return {
        "id": str(signal.id),
        "name": view.t.of(signal.name_zh, signal.name_en),
        "path": signal.path,
        "value": value_words(view, state),
        "status": words,
        "reason": words if good else reason_words(view, line, state),
        "level": {Condition.GOOD: 0, Condition.FAILED: 2, Condition.BAD: 2}.get(state.condition, 1),
        "ts": view.formats.moment(latest.ts if latest else None),
        "arrival": view.formats.moment(latest.arrival if latest else None),
        "note": state_note(view, state),
    }
