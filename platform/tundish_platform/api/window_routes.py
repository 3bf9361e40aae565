"""Routes that answer by windows: aggregates and times in state, by shift, day, week, month or step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc
from flask import Blueprint

from tundish_platform.api import parameters as p
from tundish_platform.api import params, queries, raw, shapes
from tundish_platform.api.answers import ARROW_MIME, rows_as
from tundish_platform.api.context import platform
from tundish_platform.api.conversion import asked_unit, conversions, converted_windows
from tundish_platform.api.described import JSON, described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.windows import named, windows
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

routes = Blueprint("windows", __name__)


@routes.get("/tenants/<tenant>/aggregate")
@guarded(Permission.READ)
@described(
    p.SIGNALS, *p.CUT, p.OWN_HOLD, p.JSON_FIRST, p.UNIT,
    answer=list[shapes.Aggregate], gives=(JSON, ARROW_MIME),
)  # fmt: skip
def aggregate(scope: TenantScope) -> ResponseReturnValue:
    """Time-weighted figures of each signal and window, each with its completeness."""
    form = p.JSON_FIRST.read()
    ids = params.signal_ids()
    cut = windows(platform(), scope, len(ids), params.MAX_ANSWERS[form])
    found = queries.signals_of(platform(), scope, ids)
    units, held = conversions(found, asked_unit()), params.interpolation(found, "signal")
    table = platform().telemetry.aggregate(scope, found, cut.bounds, held)
    return rows_as(named(converted_windows(table, units), cut), form)


@routes.get("/tenants/<tenant>/states")
@guarded(Permission.READ)
@described(p.SIGNALS, *p.CUT, p.JSON_FIRST, answer=list[shapes.StateTime], gives=(JSON, ARROW_MIME))
def states(scope: TenantScope) -> ResponseReturnValue:
    """Seconds and entries of each state by signal and window; unknown time has a row, too."""
    form = p.JSON_FIRST.read()
    ids = params.signal_ids()
    cut = windows(platform(), scope, len(ids), params.MAX_ANSWERS[form])
    found = _with_states(queries.signals_of(platform(), scope, ids))
    if not len(cut):
        return rows_as(named(queries.states(platform(), scope, [], cut.bounds), cut), form)
    raw.require_few(platform().telemetry, scope, found, int(cut.bounds[0, 0]), int(cut.bounds[-1, 1]))
    try:
        table = queries.states(platform(), scope, found, cut.bounds)
    except ValueError as error:
        raise Problem(422, f"{error}.", f"信号的值不是状态 — {error}。", "no_states") from None
    if table.num_rows > params.MAX_ANSWERS[form]:
        raise _too_many_states(pc.count_distinct(table["state"]).as_py())
    return rows_as(named(table, cut), form)


def _with_states(found: list[SignalInfo]) -> list[SignalInfo]:
    for signal in found:
        if signal.kind is SampleKind.ARRAY:
            raise params.wrong(
                "signals", f"{signal.id} has arrays, not states", f"中的 {signal.id} 是数组, 不是状态"
            )
    return found


def _too_many_states(states: int) -> Problem:
    return Problem(
        422,
        f"There are {states} different states, too many for an answer. Do these signals really have states?",
        f"共有 {states} 种不同状态, 超出返回上限。请确认这些信号确实表示状态。",
        "too_many_rows",
    )
