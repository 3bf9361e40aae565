"""Routes of the programme: for the bureau only; figures, register entries and evidence, never telemetry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, jsonify, request
from pydantic import Field

from tundish_platform.api import shapes
from tundish_platform.api.adoption import (
    LEAST_REASON,
    MOST_REASON,
    OFFICIAL,
    NoReason,
    UnknownEnterprise,
    UnknownRule,
    current_adoption,
    enterprise_evidence,
    enterprise_list,
)
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.ghosts import suspicion_list
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import RULE, Query, page, text
from tundish_platform.api.params import wrong
from tundish_platform.programme import Rule, published_rules
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from tundish_platform.tenancy import Principal

AFTER: Final = Query("after", "Code of the last enterprise of the page before.", {"type": "string"})
BEHIND: Final = text("after", 100, "Risk, code and reason of the last one of the page before.")
LIMIT: Final = page(10_000, 1_000)

# What orders suspicions, the gravest first.
_RANKED: Final = ("risk", "uscc", "reason")

routes = Blueprint("programme", __name__)


class Opening(shapes.Shape):
    """Who opens evidence says why.

    Attributes:
        rule: version of the rules.
        reason: the enterprise's own people read it.
    """

    rule: str = Field(OFFICIAL, max_length=40)
    reason: str = Field(min_length=LEAST_REASON, max_length=MOST_REASON, pattern=r"^[^\x00-\x1f]*$")


@routes.get("/programme/rules")
@guarded_above(Permission.PROGRAMME)
@described(answer=list[Rule], tagged=True)
def rules(_principal: Principal) -> Response:
    """Every published version of the rules, whole."""
    return jsonify([rule.model_dump(mode="json") for rule in published_rules().values()])


@routes.get("/programme/adoption")
@guarded_above(Permission.PROGRAMME)
@described(RULE, answer=shapes.AdoptionFigures)
def adoption_figures(principal: Principal) -> Response:
    """Enterprises per stage, county and industry, under the rule version ``rule``."""
    return jsonify(asdict(current_adoption(platform(), principal, _version())))


@routes.get("/programme/enterprises")
@guarded_above(Permission.PROGRAMME)
@described(RULE, AFTER, LIMIT, answer=list[shapes.Registered], headers=(LINK,))
def enterprise_register(principal: Principal) -> Response:
    """The register with each enterprise's stage, by code."""
    after, limit = request.args.get("after", ""), LIMIT.read()
    found = enterprise_list(platform(), principal, _version(), after=after, limit=limit)
    return paged(found, "after", found[-1]["uscc"] if len(found) == limit else None)


@routes.post("/programme/enterprises/<uscc>/evidence/openings")
@guarded_above(Permission.PROGRAMME)
@described(body=Opening, answer=shapes.EvidenceOf)
def evidence_open(principal: Principal, uscc: str, body: Opening) -> Response:
    """Open why an enterprise is in its stage, for a reason that it reads; facts only with its consent."""
    return jsonify(enterprise_evidence(platform(), principal, uscc, body.reason, body.rule))


@routes.get("/programme/suspicions")
@guarded_above(Permission.PROGRAMME)
@described(BEHIND, LIMIT, answer=list[shapes.Suspected], headers=(LINK,))
def standing_suspicions(principal: Principal) -> Response:
    """Enterprises whose connections resemble ghosts, the gravest first."""
    behind, limit = BEHIND.read(), LIMIT.read()
    standing = suspicion_list(platform(), principal)
    found = [one for one in standing if not behind or _rank(one) > _rank_of_text(behind)][:limit]
    last = "/".join(str(found[-1][part]) for part in _RANKED) if len(found) == limit else None
    return paged(found, "after", last)


def _rank(one: Mapping[str, Any]) -> tuple[float, str, str]:
    risk, code, reason = (one[part] for part in _RANKED)
    return -float(risk), str(code), str(reason)


def _rank_of_text(behind: str) -> tuple[float, str, str]:
    try:
        return _rank(dict(zip(_RANKED, behind.split("/"), strict=True)))
    except ValueError:
        raise wrong("after", "must be as the Link header had it", "须与 Link 头中的一致") from None


@routes.app_errorhandler(UnknownRule)
def _unknown_rule(error: UnknownRule) -> Response:
    return Problem(
        404, f"No rule {error!s:.60} was published. GET /programme/rules lists those that were.",
        f"没有已发布的规则版本 {error!s:.60}。可通过 GET /programme/rules 查询。", "unknown_rule",
    ).response()  # fmt: skip


@routes.app_errorhandler(NoReason)
def _no_reason(_error: NoReason) -> Response:
    return Problem(422, "Say why you open the evidence.", "请填写查看依据的原因。", "no_reason").response()


@routes.app_errorhandler(UnknownEnterprise)
def _unknown_enterprise(error: UnknownEnterprise) -> Response:
    return Problem(
        404, f"No enterprise {error!s:.60} is registered. Check the code.",
        f"未登记企业 {error!s:.60}。请核对统一社会信用代码。", "unknown_enterprise",
    ).response()  # fmt: skip


def _version() -> str:
    return request.args.get("rule", OFFICIAL)
