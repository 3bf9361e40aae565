"""Routes that lead from a county to its industries and to its enterprises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, jsonify

from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.drill import enterprises_within, industries_of
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import page, text, whole
from tundish_platform.api.params import MAX_ID
from tundish_platform.api.series import series_rule
from tundish_platform.api.series_shapes import FunnelCell
from tundish_platform.api.shapes import Shape
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from flask import Response
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal

RULE: Final = text("rule", 40, "Version of the rules; that of the monthly series if absent.")
REGION: Final = text("region", 6, "Code of the county.")
INDUSTRY: Final = text("industry", 5, "Code of the industry as the register has it; all if absent.")
AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
LIMIT: Final = page(1_000, 100)

routes = Blueprint("drill", __name__)


class StagedEnterprise(Shape):
    """An enterprise with its stage at the end of the newest frozen month, and for how long."""

    id: int
    uscc: str
    name_zh: str
    name_en: str
    region: str
    industry: str
    demo: bool
    stage: str
    months: int


@routes.get("/programme/series/industries")
@guarded_above(Permission.PROGRAMME)
@described(RULE, REGION, answer=list[FunnelCell])
def industries(_principal: Principal) -> Response:
    """Stages by industry within a county, of the newest month; cells of few enterprises are withheld."""
    with _session() as session:
        return jsonify(industries_of(session, series_rule(RULE.read() or MONTHLY), REGION.read()))


@routes.get("/programme/series/enterprises")
@guarded_above(Permission.PROGRAMME)
@described(RULE, REGION, INDUSTRY, AFTER, LIMIT, answer=list[StagedEnterprise], headers=(LINK,))
def within(_principal: Principal) -> Response:
    """Enterprises of a county and an industry with their stage at the end of the newest frozen month."""
    limit, rule = LIMIT.read(), series_rule(RULE.read() or MONTHLY)
    with _session() as session:
        found = enterprises_within(session, rule, REGION.read(), INDUSTRY.read(), AFTER.read(), limit)
    return paged(found, "after", found[-1]["id"] if len(found) == limit else None)


def _session() -> AbstractContextManager[Session]:
    return platform().metadata.above(Above.ADOPTION).session()
