"""Routes that read samples: latest values, rows, files, trends, summaries, grids, gaps, predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from flask import Blueprint

from tundish_platform.api import parameters as p
from tundish_platform.api import params, queries, raw, shapes
from tundish_platform.api.answers import ARROW_MIME, arrow_stream, download, finite, json_rows, rows_as
from tundish_platform.api.context import platform
from tundish_platform.api.conversion import asked_unit, conversions, converted, converted_grid
from tundish_platform.api.described import JSON, described
from tundish_platform.api.guard import guarded
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.predictions import Prediction, predictions_page
from tundish_platform.assets import kinds_to_read
from tundish_platform.store.query.export import ExportForm
from tundish_platform.store.query.queries import Thinning
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from tundish_platform.assets.units import Linear
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

FILE: Final = p.word("format", list(ExportForm), ExportForm.ARROW, "Of the file.")

AFTER_LINE: Final = p.text("after", 400, "Path of the last line of the page before.")
LINE_LIMIT: Final = p.page(200)

routes = Blueprint("data", __name__)

# What each form of file is called by those who made it.
_ENDINGS: Final = {
    ExportForm.ARROW: "arrows",
    ExportForm.FEATHER: "feather",
    ExportForm.PARQUET: "parquet",
    ExportForm.CSV: "csv",
}


@routes.get("/tenants/<tenant>/latest")
@guarded(Permission.READ)
@described(
    p.SOME_SIGNALS, p.AFTER_SIGNAL, p.SIGNAL_LIMIT, p.UNIT, answer=list[shapes.Latest], headers=(LINK,)
)
def latest(scope: TenantScope) -> ResponseReturnValue:
    """Newest sample of each signal; without ``signals`` of all, by number and in pages."""
    ids, unit, last = params.optional_signal_ids(), asked_unit(), None
    known: Sequence[SignalInfo] = ()
    if ids is None:
        limit = p.SIGNAL_LIMIT.read()
        known = queries.signals_page(platform(), scope, p.AFTER_SIGNAL.read(), limit)
        last = last_of(known, limit)
    elif unit is not None:
        known = queries.signals_of(platform(), scope, ids)
    kinds = {signal.id: signal.kind for signal in known}
    if ids is not None and unit is None:
        with platform().metadata.session() as session:
            kinds = kinds_to_read(session, scope, ids)
    rows = queries.latest_rows(platform(), scope, kinds)
    spoken = {row.signal for row in rows}
    units = conversions([signal for signal in known if signal.id in spoken], unit)
    return paged([_told(row, units) for row in rows], "after", last)


@routes.get("/tenants/<tenant>/samples")
@guarded(Permission.READ)
@described(
    p.SIGNALS, *p.WINDOW, p.KIND, p.FORMAT, p.UNIT, answer=list[shapes.Sample], gives=(ARROW_MIME, JSON)
)
def samples(scope: TenantScope) -> ResponseReturnValue:
    """Samples of one kind over a window, as Arrow or JSON."""
    kind, form = params.kind(), p.FORMAT.read()
    window = params.window()
    found = queries.signals_of(platform(), scope, params.signal_ids())
    units = conversions(found, asked_unit())
    rows = raw.rows(platform().telemetry, scope, found, window, kind, form)
    return rows_as(converted(rows, units, "value"), form)


@routes.get("/tenants/<tenant>/export")
@guarded(Permission.READ)
@described(p.SIGNALS, *p.WINDOW, p.KIND, FILE, p.UNIT, gives=tuple(form.media_type for form in ExportForm))
def export(scope: TenantScope) -> ResponseReturnValue:
    """Samples of one kind over a window as a file, however many there are."""
    kind, form = params.kind(), ExportForm(FILE.read())
    start, end = params.window()
    found = [s for s in queries.signals_of(platform(), scope, params.signal_ids()) if s.kind is kind]
    telemetry, unit = platform().telemetry, asked_unit()
    units = conversions(found, unit)
    until = raw.heard_until(telemetry, scope, [s.id for s in found], start, end)
    windows = np.array([[params.micros(start), params.micros(until)]])
    name = f"{scope.slug}-{kind}-{start:%Y%m%dT%H%M%SZ}-{end:%Y%m%dT%H%M%SZ}.{_ENDINGS[form]}"
    # A file says of each row in which unit it is.
    labelled = found if unit is None else [s.model_copy(update={"unit": unit}) for s in found]
    change = None if unit is None else lambda rows: converted(rows, units, "value")
    return download(telemetry.export(scope, labelled, windows, kind, form, change), form.media_type, name)


@routes.get("/tenants/<tenant>/trend")
@guarded(Permission.READ)
@described(p.SIGNALS, *p.WINDOW, p.MAX_POINTS, p.THINNING, p.UNIT, answer=list[shapes.Trend])
def trend(scope: TenantScope) -> ResponseReturnValue:
    """Signals over a window, thinned for the eye."""
    start, end = params.window()
    points, thinning = p.MAX_POINTS.read(), p.THINNING.read()
    ids = params.signal_ids()
    if thinning != Thinning.EXTREMES:
        known = queries.signals_of(platform(), scope, ids)
        raw.require_few(platform().telemetry, scope, known, params.micros(start), params.micros(end))
    unit = asked_unit()
    units = conversions(queries.signals_of(platform(), scope, ids), unit) if unit is not None else {}
    found = queries.trend(platform(), scope, ids, start, end, points, thinning=Thinning(thinning))
    return [
        {
            "signal": part.signal.id,
            "path": part.signal.path,
            "unit": part.signal.unit if unit is None else unit,
            "step": part.signal.step,
            "points": json_rows(_points(part, units)),
        }
        for part in found
    ]


@routes.get("/tenants/<tenant>/summary")
@guarded(Permission.READ)
@described(p.SIGNALS, *p.WINDOW, p.UNIT, answer=list[shapes.Summary])
def summary(scope: TenantScope) -> ResponseReturnValue:
    """Figures of each signal over a window."""
    start, end = params.window()
    ids, unit = params.signal_ids(), asked_unit()
    units = conversions(queries.signals_of(platform(), scope, ids), unit) if unit is not None else {}
    return json_rows(
        converted(queries.summary(platform(), scope, ids, start, end), units, "mean", "min", "max")
    )


@routes.get("/tenants/<tenant>/wide")
@guarded(Permission.READ)
@described(p.SIGNALS, *p.WINDOW, p.STEP_S.needed, p.GRID_HOLD, p.UNIT, gives=(ARROW_MIME,))
def wide(scope: TenantScope) -> ResponseReturnValue:
    """Signals side by side on one time grid, as Arrow."""
    start, end = params.window()
    found = params.numbers(queries.signals_of(platform(), scope, params.signal_ids()))
    step, held = params.step(start, end, len(found)), params.interpolation(found, "step")
    units = conversions(found, asked_unit())
    table = platform().telemetry.wide(scope, found, start, end, step, interpolation=held)
    return arrow_stream(converted_grid(table, units))


@routes.get("/tenants/<tenant>/gaps")
@guarded(Permission.READ)
@described(p.SIGNALS, *p.WINDOW, answer=list[shapes.Gap])
def gaps(scope: TenantScope) -> ResponseReturnValue:
    """From when to when nothing is known of a signal, and why."""
    start, end = params.window()
    table = platform().telemetry.gaps(scope, _known_ids(scope), start, end)
    if table.num_rows > params.MAX_ANSWERS["json"]:
        raise raw.too_many("json")
    return json_rows(table)


@routes.get("/tenants/<tenant>/lines")
@guarded(Permission.READ)
@described(AFTER_LINE, LINE_LIMIT, answer=list[shapes.Line], headers=(LINK,))
def lines(scope: TenantScope) -> ResponseReturnValue:
    """Each line with its own "now", how complete its last hour is, and which signals are silent; by path."""
    limit = LINE_LIMIT.read()
    found = queries.line_overviews(platform(), scope, after=AFTER_LINE.read(), limit=limit)
    shown = [
        {
            "line": overview.line,
            "now": overview.completeness.now,
            "arrival": overview.arrival,
            "completeness": overview.completeness.share,
            "silent": overview.completeness.silent,
            "signals": [signal.id for signal in overview.signals],
            "states": {value.signal.path: value.value for value in overview.states},
            "sources": [source.name for source in overview.sources],
        }
        for overview in found
    ]
    return paged(shown, "after", last_of(found, limit, "line"))


@routes.get("/tenants/<tenant>/predictions")
@guarded(Permission.READ)
@described(p.AFTER_SIGNAL, p.SIGNAL_LIMIT, answer=list[Prediction], headers=(LINK,))
def newest_predictions(scope: TenantScope) -> ResponseReturnValue:
    """The newest prediction of each model and target, with its evidence, by the number of its signal."""
    limit = p.SIGNAL_LIMIT.read()
    found = predictions_page(platform(), scope, p.AFTER_SIGNAL.read(), limit)
    return paged([one.model_dump(mode="json") for one in found], "after", last_of(found, limit, "signal"))


def _told(row: queries.LatestRow, units: Mapping[int, Linear]) -> dict[str, Any]:
    value = row.value
    if units and isinstance(value, int | float):
        value = float(units[row.signal](value))
    return row._asdict() | {"value": finite(value)}


def _points(part: queries.Trend, units: Mapping[int, Linear]) -> pa.Table:
    if not units:
        return part.points
    mine = pa.repeat(pa.scalar(part.signal.id, pa.uint32()), part.points.num_rows)
    return converted(part.points.append_column("signal", mine), units, "value").drop_columns("signal")


def _known_ids(scope: TenantScope) -> list[int]:
    return [signal.id for signal in queries.signals_of(platform(), scope, params.signal_ids())]
