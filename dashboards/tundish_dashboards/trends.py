"""Trends as a Plotly figure: a row per signal, gaps open and shaded, bad quality marked, states as bands."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_dashboards.formats import unit_text
from tundish_dashboards.theme import CHART, GAP_COLOURS, INK, MUTED, TIME_AXIS, TRACES
from tundish_platform.samples import Severity, SignalInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView

_ROW_PX = 104
_STATE_ROW_PX = 62
_TOP_PX = 6
_BOTTOM_PX = 44
_TITLE_PX = 20
_TICK_PX = 110
_SEVERITY_SHIFT = 30
# The store keeps at most so many samples of each of its buckets.
POINTS_PER_BUCKET: Final = 5
_BRIDGED_PERIODS: Final = 5
# A gap that takes at least this share of the window has room for its reason.
_LABELLED_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Row:
    """One signal of the chart.

    Attributes:
        samples: ``ts, value, status`` in time order; numeric ones thinned per bucket, texts as they came.
        gaps: ``ts, end, reason`` of what is known to be unknown.
        title: the row's heading, already in the reader's language.
        bridged_ms: longest time without a sample that the line may cross; ``None`` for any.
        earlier: an earlier window's samples moved into this one, to compare with; numbers only.
    """

    signal: SignalInfo
    samples: pa.Table
    gaps: pa.Table
    title: str
    bridged_ms: float | None = None
    earlier: pa.Table | None = None

    @property
    def is_text(self) -> bool:
        """States are drawn as bands, numbers as lines."""
        return bool(pa.types.is_string(self.samples.schema.field("value").type))


def bridged_ms(period_s: float | None, window_s: float, points: int) -> float | None:
    """Longest step of a line in ms: some expected samples, and what the store's thinning may leave out."""
    if period_s is None:
        return None
    bucket_s = window_s / max(1, points // POINTS_PER_BUCKET)
    return 1000 * (_BRIDGED_PERIODS * period_s + bucket_s)


def plain_text(words: str) -> str:
    """Words as text: Plotly would read angle brackets as its own markup."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def trend_figure(
    view: TenantView,
    rows: Sequence[Row],
    start: datetime,
    end: datetime,
    pixels: int = 900,
    *,
    clipped: bool = False,
    row_px: int = _ROW_PX,
) -> dict[str, Any]:
    """The figure of all rows over ``[start, end)``.

    Args:
        view: who looks.
        rows: from top to bottom.
        start: of the window.
        end: of the window.
        pixels: the width there is for it.
        row_px: height of a row of numbers.
        clipped: show just the window, though rows reach beyond it so that their lines run on to its edges.
    """
    heights = [_STATE_ROW_PX if row.is_text else row_px for row in rows]
    total = sum(heights) + _TOP_PX + _BOTTOM_PX
    layout: dict[str, Any] = {
        "template": CHART,
        "height": total,
        "margin": {"l": 58, "r": 10, "t": _TOP_PX, "b": _BOTTOM_PX},
        "uirevision": ",".join(str(row.signal.id) for row in rows),
        "xaxis": _time_axis(len(rows), max(2, pixels // _TICK_PX)),
        "shapes": [],
        "annotations": [],
    }
    data: list[dict[str, Any]] = []
    top = 1.0
    for number, (row, height) in enumerate(zip(rows, heights, strict=True), start=1):
        share = height / sum(heights)
        domain = [top - share, top - share * _TITLE_PX / height]
        layout[f"yaxis{number}"] = _value_axis(row, domain)
        layout["annotations"].append(_title(row.title, domain[1]))
        layout["shapes"] += _gap_shapes(view, row, number, (end - start).total_seconds() * 1000)
        data += _state_traces(view, row, number, end) if row.is_text else _value_traces(view, row, number)
        top -= share
    if clipped:
        layout["xaxis"]["range"] = [local_text(view, start), local_text(view, end)]
        layout["uirevision"] = f"{start} {end}"
        return {"data": data, "layout": layout}
    unseen = {"overlaying": f"y{len(rows)}", "visible": False, "fixedrange": True, "range": [0, 1]}
    layout[f"yaxis{len(rows) + 1}"] = {"anchor": "x", **unseen}
    return {"data": [*data, _window_trace(view, len(rows), start, end)], "layout": layout}


def _window_trace(view: TenantView, rows: int, start: datetime, end: datetime) -> dict[str, Any]:
    """An unseen line that spans the window.

    The axis takes its range from the data, so that a double click leads back to the whole window whatever
    zoom the reader had.
    """
    return {
        **_axes(rows + 1),
        "type": "scatter",
        "mode": "lines",
        "x": [local_text(view, start), local_text(view, end)],
        "y": [0, 0],
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _time_axis(rows: int, ticks: int) -> dict[str, Any]:
    return {**TIME_AXIS, "anchor": f"y{rows}", "nticks": ticks}


def _value_axis(row: Row, domain: list[float]) -> dict[str, Any]:
    axis: dict[str, Any] = {"domain": domain, "anchor": "x", "nticks": 4, "fixedrange": True}
    if row.is_text:
        axis |= {"range": [0, 1], "showticklabels": False, "showgrid": False, "ticks": ""}
    return axis


def _title(words: str, top: float) -> dict[str, Any]:
    return {
        "text": words,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "align": "left",
        "font": {"size": 12, "color": INK},
    }


def _value_traces(view: TenantView, row: Row, number: int) -> list[dict[str, Any]]:
    ts, value, status = _columns(view, row)
    grade = np.minimum(status >> np.uint32(_SEVERITY_SHIFT), np.uint32(Severity.BAD))
    usable = np.where(grade < Severity.BAD, value, np.nan)
    line_ts, line_value = _open_gaps(view, row, ts, usable)
    colour = TRACES[(number - 1) % len(TRACES)]
    line = {
        **_axes(number),
        "type": "scatter",
        "mode": "lines",
        "x": _moments(line_ts),
        "y": _packed(line_value),
        "connectgaps": False,
        "line": {"color": colour, "width": 1.4, "shape": "hv" if row.signal.step else "linear"},
        "name": view.t.of(row.signal.name_zh, row.signal.name_en),
        "hovertemplate": f"%{{y:.6~g}} {unit_text(row.signal.unit)}",
    }
    marks = (
        (Severity.UNCERTAIN, "triangle-up-open", "#a86400", "chart.uncertain"),
        (Severity.BAD, "x-thin-open", "#b3420e", "chart.bad"),
    )
    traces = [*_earlier_traces(view, row, number), line]
    held = _last_known(usable)
    for level, symbol, tint, key in marks:
        chosen = grade == level
        if chosen.any():
            traces.append(
                {
                    **_axes(number),
                    "type": "scatter",
                    "mode": "markers",
                    "x": _moments(ts[chosen]),
                    "y": _packed(held[chosen]),
                    "marker": {
                        "symbol": symbol,
                        "color": tint,
                        "size": 7,
                        "line": {"width": 1.6, "color": tint},
                    },
                    "name": view.t(key),
                    "hovertemplate": view.t(key),
                }
            )
    return traces


def _earlier_traces(view: TenantView, row: Row, number: int) -> list[dict[str, Any]]:
    if row.earlier is None:
        return []
    past = replace(row, samples=row.earlier, gaps=row.gaps.slice(0, 0), earlier=None)
    ts, value, status = _columns(view, past)
    usable = np.where(status >> np.uint32(_SEVERITY_SHIFT) < Severity.BAD, value, np.nan)
    moments, values = _open_gaps(view, past, ts, usable)
    line = {"color": MUTED, "width": 1.2, "dash": "dot", "shape": "hv" if row.signal.step else "linear"}
    return [
        {
            **_axes(number),
            "type": "scatter",
            "mode": "lines",
            "x": _moments(moments),
            "y": _packed(values),
            "connectgaps": False,
            "line": line,
            "name": view.t("explorer.earlier"),
            "hovertemplate": f"%{{y:.6~g}} {unit_text(row.signal.unit)}",
        }
    ]


def _state_traces(view: TenantView, row: Row, number: int, end: datetime) -> list[dict[str, Any]]:
    """A thick band per run of equal text; a bad or empty state leaves the band open."""
    ts, _, status = _columns(view, row)
    words = row.samples.column("value").to_pylist()
    limit = _local_ms(view, pa.array([end], pa.timestamp("us", tz="UTC")))[0]
    holes = sorted(_local_ms(view, row.gaps.column("ts")).tolist())
    bands: dict[str, tuple[list[str | None], list[float | None]]] = {}
    for at, word in enumerate(words):
        until = float(ts[at + 1]) if at + 1 < len(words) else float(limit)
        until = next((hole for hole in holes if ts[at] < hole < until), until)
        if word is None or status[at] >> _SEVERITY_SHIFT:
            continue
        xs, ys = bands.setdefault(word, ([], []))
        xs += [_moment(float(ts[at])), _moment(until), None]
        ys += [0.5, 0.5, None]
    order = sorted(bands)
    return [
        {
            **_axes(number),
            "type": "scatter",
            "mode": "lines",
            "x": bands[word][0],
            "y": bands[word][1],
            "line": {"width": 16, "color": TRACES[order.index(word) % len(TRACES)]},
            "opacity": 0.75,
            "name": view.t.maybe(f"machine_state.{word}", word),
            "hovertemplate": view.t.maybe(f"machine_state.{word}", word),
        }
        for word in order
    ]


def _gap_shapes(view: TenantView, row: Row, number: int, width_ms: float) -> list[dict[str, Any]]:
    roomy = _LABELLED_SHARE * width_ms
    starts, ends = (_local_ms(view, row.gaps.column(name)).tolist() for name in ("ts", "end"))
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": f"y{number} domain",
            "x0": _moment(begin),
            "x1": _moment(until),
            "y0": 0,
            "y1": 1,
            "line": {"width": 0},
            "fillcolor": GAP_COLOURS.get(reason, MUTED),
            "opacity": 0.16,
            "layer": "below",
            "label": {
                "text": view.t.maybe(f"gap.{reason}", reason) if until - begin > roomy else "",
                "font": {"size": 11, "color": INK},
                "textposition": "top center",
            },
        }
        for begin, until, reason in zip(starts, ends, row.gaps.column("reason").to_pylist(), strict=True)
    ]


def _open_gaps(
    view: TenantView, row: Row, ts: NDArray[np.float64], value: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Break the line where a gap is recorded, and where more samples are missing than may be bridged."""
    breaks = list(_local_ms(view, row.gaps.column("ts")))
    if row.bridged_ms is not None and not row.signal.step:
        breaks += list(ts[:-1][np.diff(ts) > row.bridged_ms] + 1)
    if not breaks:
        return ts, value
    breaks = sorted(breaks)
    places = np.searchsorted(ts, np.asarray(breaks))
    return np.insert(ts, places, breaks), np.insert(value, places, np.nan)


def _columns(
    view: TenantView, row: Row
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32]]:
    ts = _local_ms(view, row.samples.column("ts"))
    status = row.samples.column("status").to_numpy().astype(np.uint32)
    if row.is_text:
        return ts, np.full(len(ts), np.nan), status
    value = row.samples.column("value").cast(pa.float64()).to_numpy()
    return ts, value, status


def _local_ms(view: TenantView, ts: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """Wall-clock milliseconds in the plant's zone."""
    zoned = ts.cast(pa.timestamp("us", tz=view.formats.zone.key))
    local: NDArray[np.float64] = (
        pc.local_timestamp(zoned).cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64) / 1000
    )
    return local


def local_text(view: TenantView, at: datetime) -> str:
    """An instant as the time axis has it: the plant's wall clock."""
    return at.astimezone(view.formats.zone).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def _last_known(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each place's own or last earlier finite value; before the first one, the first."""
    finite = np.flatnonzero(np.isfinite(value))
    if not len(finite):
        return np.zeros(len(value))
    at = np.searchsorted(finite, np.arange(len(value)), side="right") - 1
    return value[finite[np.maximum(at, 0)]]


def _axes(number: int) -> dict[str, str]:
    return {"xaxis": "x", "yaxis": f"y{number}"}


def _packed(values: NDArray[np.float64]) -> dict[str, str]:
    """An array in Plotly's base64 form, a third of the size of text; seven digits are enough to draw."""
    return {"dtype": "f4", "bdata": base64.b64encode(values.astype("<f4").tobytes()).decode()}


def _moments(ms: NDArray[np.float64]) -> list[str]:
    """Wall-clock milliseconds as text.

    Plotly shows text as it stands, but moves numbers on a time axis by the browser's own zone, which is not
    the plant's.
    """
    moments = ms.astype("datetime64[ms]")
    words: NDArray[np.str_] = np.datetime_as_string(moments, unit="ms" if np.any(ms % 1000) else "s")
    return [str(word) for word in words]


def _moment(ms: float) -> str:
    return _moments(np.array([ms]))[0]
