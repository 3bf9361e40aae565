"""Routes that read samples: latest values, windows, trends, summaries, grids, gaps, predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from tundish_platform.api import params, queries
from tundish_platform.api.answers import arrow_stream, finite, json_rows
from tundish_platform.api.context import platform
from tundish_platform.api.guard import guarded
from tundish_platform.api.predictions import predictions
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

routes = Blueprint("data", __name__)

_FORMATS = ("arrow", "json")


@routes.get("/tenants/<tenant>/latest")
@guarded(Permission.READ)
def latest(scope: TenantScope) -> ResponseReturnValue:
    """Newest sample of each signal."""
    params.only("signals")
    return [
        {
            "signal": value.signal.id,
            "ts": value.ts,
            "value": finite(value.value),
            "status": value.status,
            "arrival": value.arrival,
        }
        for value in queries.latest_values(platform(), scope, params.optional_signal_ids())
    ]


@routes.get("/tenants/<tenant>/samples")
@guarded(Permission.READ)
def samples(scope: TenantScope) -> ResponseReturnValue:
    """Samples of one kind over a window, as Arrow or JSON."""
    params.only("signals", "start", "end", "kind", "format")
    kinds = [kind.value for kind in SampleKind if kind is not SampleKind.GAP]
    kind = SampleKind(params.word("kind", kinds, SampleKind.NUMERIC))
    form = params.word("format", _FORMATS, "arrow")
    start, end = params.window()
    ids = _known_ids(scope)
    table = platform().telemetry.read(scope, ids, start, end, kind)
    return arrow_stream(table) if form == "arrow" else json_rows(table)


@routes.get("/tenants/<tenant>/trend")
@guarded(Permission.READ)
def trend(scope: TenantScope) -> ResponseReturnValue:
    """Signals over a window, thinned for the eye."""
    params.only("signals", "start", "end", "max_points")
    start, end = params.window()
    found = queries.trend(platform(), scope, params.signal_ids(), start, end, params.max_points())
    return [
        {
            "signal": part.signal.id,
            "path": part.signal.path,
            "unit": part.signal.unit,
            "step": part.signal.step,
            "points": json_rows(part.points),
        }
        for part in found
    ]


@routes.get("/tenants/<tenant>/summary")
@guarded(Permission.READ)
def summary(scope: TenantScope) -> ResponseReturnValue:
    """Figures of each signal over a window."""
    params.only("signals", "start", "end")
    start, end = params.window()
    return json_rows(queries.summary(platform(), scope, params.signal_ids(), start, end))


@routes.get("/tenants/<tenant>/wide")
@guarded(Permission.READ)
def wide(scope: TenantScope) -> ResponseReturnValue:
    """Signals side by side on one time grid, as Arrow."""
    params.only("signals", "start", "end", "step_s")
    start, end = params.window()
    found = params.numbers(queries.signals_of(platform(), scope, params.signal_ids()))
    step = params.step(start, end, len(found))
    return arrow_stream(platform().telemetry.wide(scope, found, start, end, step))


@routes.get("/tenants/<tenant>/gaps")
@guarded(Permission.READ)
def gaps(scope: TenantScope) -> ResponseReturnValue:
    """From when to when nothing is known of a signal, and why."""
    params.only("signals", "start", "end")
    start, end = params.window()
    return json_rows(platform().telemetry.gaps(scope, _known_ids(scope), start, end))


@routes.get("/tenants/<tenant>/lines")
@guarded(Permission.READ)
def lines(scope: TenantScope) -> ResponseReturnValue:
    """Each line with its own "now", how complete its last minutes are, and which signals are silent."""
    params.only()
    return [
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
        for overview in queries.line_overviews(platform(), scope)
    ]


@routes.get("/tenants/<tenant>/predictions")
@guarded(Permission.READ)
def newest_predictions(scope: TenantScope) -> ResponseReturnValue:
    """The newest prediction of each model and target, with its evidence."""
    params.only()
    return [prediction.model_dump(mode="json") for prediction in predictions(platform(), scope)]


def _known_ids(scope: TenantScope) -> list[int]:
    return [signal.id for signal in queries.signals_of(platform(), scope, params.signal_ids())]
