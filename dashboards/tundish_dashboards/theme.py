"""Colours, type and chart style: one source for Mantine, Plotly and the grid."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

FONT: Final = (
    '"Inter", "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, '
    '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif'
)

INK: Final = "#1b2733"
MUTED: Final = "#5b6b7a"
LINE: Final = "#dbe2e8"
PANEL: Final = "#ffffff"
PRIMARY: Final = "#1f5f86"

# After Okabe and Ito: told apart with any common colour blindness; each also has a word and a shape. Some are
# lighter or darker than theirs, for a contrast of 3 to 1 on the light ground and on the dark one.
TRACES: Final = ("#0072b2", "#d55e00", "#009e73", "#c0679a", "#8a6d00", "#2f93cc", "#8a5fb5", "#7a7a7a")
# What lies behind a chart shows through: the page's ground, light or dark.
CLEAR: Final = "rgba(0, 0, 0, 0)"


class Tone(StrEnum):
    """How a state is coloured; the value is the CSS class suffix."""

    GOOD = "good"
    NOTICE = "notice"
    BAD = "bad"
    QUIET = "quiet"


TONE_COLOURS: Final = {
    Tone.GOOD: "#00785a",
    Tone.NOTICE: "#a86400",
    Tone.BAD: "#b3420e",
    Tone.QUIET: "#5b6b7a",
}

GAP_COLOURS: Final = {
    "disconnected": "#d55e00",
    "sequence": "#cc79a7",
    "overflow": "#cc79a7",
    "silent": "#e69f00",
    "collector_stopped": "#7a8896",
    "spool_full": "#b3420e",
    "segment_damaged": "#7a1f3d",
}

MANTINE: Final[dict[str, Any]] = {
    "fontFamily": FONT,
    "primaryColor": "steel",
    "primaryShade": 7,
    "defaultRadius": "sm",
    "cursorType": "pointer",
    "colors": {
        "steel": [
            "#eef5f9", "#dbe8f0", "#b6d1e1", "#8db8d1", "#6aa2c3", "#5394bb", "#3f86b0", "#1f5f86", "#1a5275",
            "#123f5c",
        ],
        # Of the dark scheme, from words to the deepest ground; fields are the seventh.
        "dark": [
            "#dfe7ee", "#b8c5d0", "#9fb0be", "#66798a", "#465868", "#2e3c49", "#111a22", "#17212b", "#0f161d",
            "#0b1117",
        ],
    },
    "headings": {"fontFamily": FONT, "fontWeight": "650"},
}  # fmt: skip

_AXIS: Final[dict[str, Any]] = {
    "gridcolor": "#e9eef2",
    "linecolor": LINE,
    "zeroline": False,
    "ticks": "outside",
    "ticklen": 3,
    "tickcolor": LINE,
    "automargin": True,
    "fixedrange": False,
}

CHART: Final[dict[str, Any]] = {
    "layout": {
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "colorway": list(TRACES),
        "hovermode": "x unified",
        "hoverlabel": {
            "font": {"family": FONT, "size": 12, "color": INK},
            "bgcolor": PANEL,
            "bordercolor": LINE,
        },
        "margin": {"l": 56, "r": 12, "t": 8, "b": 32},
        "showlegend": False,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
}

# Digits only: Plotly itself would write English names of months.
TIME_AXIS: Final[dict[str, Any]] = {
    "type": "date",
    "tickformatstops": [
        {"dtickrange": [None, 1000], "value": "%H:%M:%S.%L\n%Y-%m-%d"},
        {"dtickrange": [1000, 60_000], "value": "%H:%M:%S\n%Y-%m-%d"},
        {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%Y-%m-%d"},
        {"dtickrange": [86_400_000, None], "value": "%Y-%m-%d"},
    ],
    "hoverformat": "%Y-%m-%d %H:%M:%S",
    "tickangle": 0,
}

CHART_CONFIG: Final[Any] = {
    "displaylogo": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": "autosize",
    # Its tool tips speak English only; dragging and double clicking do all that is needed.
    "displayModeBar": False,
}
