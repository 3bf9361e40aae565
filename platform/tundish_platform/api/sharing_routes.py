"""Routes of what an enterprise shares: all that is seen of it, its consents, and who may be named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import sharing_shapes as shapes
from tundish_platform.api.adoption import OFFICIAL, UnknownRule
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded, open_to_all
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import RULE, Query, page, text
from tundish_platform.api.sharing import consents_of, seen_by_bureau
from tundish_platform.programme import published_rules
from tundish_platform.programme.adoption import named
from tundish_platform.programme.sharing import ConsentRefused, Purpose, give, withdraw
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

AFTER: Final = text("after", 18, "Code of the last enterprise of the page before.")
LIMIT: Final = page(1_000, 200)
MONTHLY_RULE: Final = Query(
    "rule", "Version of the rules; that of the monthly series if absent.", {"type": "string"}
)

routes = Blueprint("sharing", __name__)


class Agreement(BaseModel):
    """Which words the person read and agrees to."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(max_length=10)]


@routes.get("/tenants/<tenant>/sharing")
@guarded(Permission.MANAGE)
@described(RULE, answer=shapes.Sharing)
def seen(scope: TenantScope) -> ResponseReturnValue:
    """All that the bureau and the public see of the enterprise, who opened it, and what it agreed to."""
    found = seen_by_bureau(platform(), scope, request.args.get("rule", OFFICIAL), utc_now())
    return jsonify(found)


@routes.put("/tenants/<tenant>/sharing/consents/<purpose>")
@guarded(Permission.MANAGE, person=True)
@described(body=Agreement, answer=list[shapes.ConsentStanding])
def agree(scope: TenantScope, purpose: str, body: Agreement) -> ResponseReturnValue:
    """Agree to one use, by the version of its words."""
    wanted = _purpose(purpose)
    with platform().metadata.session() as session:
        give(session, scope, wanted, body.version, utc_now())
        return jsonify(told(list[shapes.ConsentStanding], consents_of(session, scope)))


@routes.delete("/tenants/<tenant>/sharing/consents/<purpose>")
@guarded(Permission.MANAGE, person=True)
@described(answer=list[shapes.ConsentStanding])
def take_back(scope: TenantScope, purpose: str) -> ResponseReturnValue:
    """Withdraw a consent; the next reading is refused."""
    wanted = _purpose(purpose)
    with platform().metadata.session() as session:
        withdraw(session, scope, wanted, utc_now())
        return jsonify(told(list[shapes.ConsentStanding], consents_of(session, scope)))


@routes.get("/figures/enterprises")
@open_to_all
@described(MONTHLY_RULE, AFTER, LIMIT, answer=list[shapes.NamedEnterprise], headers=(LINK,))
def named_in_public() -> Response:
    """Enterprises that agree, at this moment, to be named with their stage."""
    limit, version = LIMIT.read(), request.args.get("rule", MONTHLY)
    rule = published_rules().get(version)
    if rule is None:
        raise UnknownRule(version)
    with platform().metadata.above(Above.ADOPTION).session() as session:
        found = named(session, rule, AFTER.read(), limit)
    last = found[-1]["uscc"] if len(found) == limit else None
    return paged(told(list[shapes.NamedEnterprise], found), "after", last)


@routes.errorhandler(ConsentRefused)
def _refused(error: ConsentRefused) -> Response:
    return Problem(409, error.message_en, error.message_zh, "words_changed").response()


def _purpose(word: str) -> Purpose:
    try:
        return Purpose(word)
    except ValueError:
        raise Problem(404, "There is no such purpose.", "没有该授权用途。", "unknown_purpose") from None
