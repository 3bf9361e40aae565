"""Routes of the programme's months: series, who is stalled, targets, and figures that cities declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, jsonify, request

from tundish_platform.api import series_shapes as shapes
from tundish_platform.api.adoption import rounding_of
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import Query, page, whole
from tundish_platform.api.params import MAX_ID
from tundish_platform.api.series import (
    series,
    series_rule,
    stalled_list,
    stalled_steps,
    target_list,
    target_told,
)
from tundish_platform.programme.declared import declared_figures
from tundish_platform.programme.published.months import rounded_months
from tundish_platform.programme.series.models import TargetRecord
from tundish_platform.programme.series.targets import TargetSpec, set_target, versions
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from flask import Response
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.programme import Rule
    from tundish_platform.tenancy import Principal

RULE: Final = Query("rule", "Version of the rules; that of the monthly series if absent.", {"type": "string"})
MONTHS: Final = whole("months", 1, 120, 6, "Months without a move, the newest included.")
AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
LIMIT: Final = page(1_000, 100)
YEAR: Final = whole("year", 0, 2100, 0, "Targets of this year; of all years if absent.")

_KEPT: Final[dict[tuple[object, ...], dict[str, Any]]] = {}

routes = Blueprint("series", __name__)


@routes.get("/programme/series")
@guarded_above(Permission.PROGRAMME)
@described(RULE, answer=shapes.Series)
def figures(_principal: Principal) -> Response:
    """Stages by month, county, industry and park, with the projection to the end of the year."""
    with _session() as session:
        found = series(session, _rule())
    return jsonify(_rounded(found))


@routes.get("/programme/stalled")
@guarded_above(Permission.PROGRAMME)
@described(RULE, MONTHS, AFTER, LIMIT, answer=list[shapes.StalledOne], headers=(LINK,))
def stalled(_principal: Principal) -> Response:
    """Enterprises that have not moved for so many months, and the conditions each is stuck on."""
    limit = LIMIT.read()
    with _session() as session:
        found = stalled_list(session, _rule(), MONTHS.read(), AFTER.read(), limit)
    return paged(found, "after", found[-1]["id"] if len(found) == limit else None)


@routes.get("/programme/stalled/steps")
@guarded_above(Permission.PROGRAMME)
@described(RULE, MONTHS, answer=list[shapes.StalledStep])
def steps(_principal: Principal) -> Response:
    """How many stalled enterprises each condition keeps out of its stage."""
    with _session() as session:
        return jsonify(stalled_steps(session, _rule(), MONTHS.read()))


@routes.get("/programme/targets")
@guarded_above(Permission.PROGRAMME)
@described(RULE, YEAR, AFTER, LIMIT, answer=list[shapes.TargetStanding], headers=(LINK,))
def targets(_principal: Principal) -> Response:
    """Targets in force, how far each is met, and what is projected for the end of its year."""
    limit = LIMIT.read()
    with _session() as session:
        found = target_list(session, _rule(), YEAR.read() or None, AFTER.read(), limit)
    return paged(found, "after", found[-1]["id"] if len(found) == limit else None)


@routes.post("/programme/targets/versions")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=TargetSpec, answer=shapes.TargetVersion, status=201)
def target_set(principal: Principal, body: TargetSpec) -> ResponseReturnValue:
    """Enter a target; an earlier one of the same year, stage, kind and scope stays on record."""
    keys = [stage.key for stage in series_rule().stages]
    if body.stage not in keys:
        names = ", ".join(keys)
        raise Problem(
            422, f"The stage must be one of {names}.", f"阶段须为以下之一:{names}。", "unknown_stage"
        )
    with _session() as session:
        made = target_told(set_target(session, body, principal.name, utc_now()))
    return jsonify(made), 201


@routes.get("/programme/targets/<int:number>/versions")
@guarded_above(Permission.PROGRAMME)
@described(AFTER, LIMIT, answer=list[shapes.TargetVersion], headers=(LINK,))
def target_versions(_principal: Principal, number: int) -> Response:
    """All versions of what a target says, the oldest first."""
    limit = LIMIT.read()
    with _session() as session:
        one = session.get(TargetRecord, number)
        if one is None:
            raise Problem(404, "There is no such target.", "没有该目标。", "unknown_target")
        found = [target_told(v) for v in versions(session, one) if v.id > AFTER.read()][:limit]
    return paged(found, "after", found[-1]["id"] if len(found) == limit else None)


@routes.get("/programme/declared")
@guarded_above(Permission.PROGRAMME)
@described(answer=shapes.DeclaredFigures, tagged=True)
def declared(_principal: Principal) -> Response:
    """Figures that cities published, with their documents; they are added to nothing that is measured."""
    return jsonify(declared_figures().model_dump(mode="json"))


def _session() -> AbstractContextManager[Session]:
    return platform().metadata.above(Above.ADOPTION).session()


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    """The series with its cells rounded, kept while it stands: years of months take a while."""
    secret = rounding_of(platform())
    key = found["rule_version"], found["digest"], str(found["computed_at"]), secret
    kept = _KEPT.get(key)
    if kept is None:
        _KEPT.clear()
        kept = _KEPT[key] = rounded_months(found, secret)
    return kept


def _rule() -> Rule:
    return series_rule(request.args.get("rule", MONTHLY))
