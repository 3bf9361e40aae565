"""Routes that look through the catalogue, and match an app's inputs with the tenant's signals."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, jsonify
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import catalogue_shapes as shapes
from tundish_platform.api.context import app_here, platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import page, text, whole, word
from tundish_platform.assets import list_signals
from tundish_platform.marketplace import MappingRefused, UnknownApp, confirm, subscriptions
from tundish_platform.marketplace.categories import PROBLEMS, counts, industries
from tundish_platform.marketplace.mapping import MOST, choice_for, confirmed
from tundish_platform.marketplace.matching import in_lines, lines_of, match, stock_of
from tundish_platform.marketplace.publishing.releases import releases
from tundish_platform.marketplace.rhythm import measured_periods
from tundish_platform.marketplace.search import Order, Wish, search
from tundish_platform.sdk import Texts
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask import Response

    from tundish_platform.marketplace import App, Compatibility
    from tundish_platform.marketplace.mapping import Confirmed
    from tundish_platform.marketplace.matching import InputMatch
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import Principal, TenantScope

_ANY: Final = "any"
WORDS: Final = text("words", 200, "All of them stand in name, description, publisher, problem or industry.")
INDUSTRY: Final = text(
    "industry", 3, "Section or division of GB/T 4754-2017, such as C or C34; all if absent."
)
PROBLEM: Final = word("problem", (_ANY, *PROBLEMS), _ANY, "What the app helps with.")
ORDER: Final = word("order", list(Order), Order.NAME, "By name, by what it would find here, or newest first.")
AFTER: Final = whole("after", 0, MAX_ID, 0, "How many apps the pages before had.")
LIMIT: Final = page(100, 50)
LINE: Final = text("line", 400, "Path of a line; only its signals are matched. All lines if absent.")

routes = Blueprint("catalogue", __name__)


class MappingAsked(BaseModel):
    """Numbers of the signals by input; inputs that are left out have none."""

    model_config = ConfigDict(extra="forbid")

    inputs: Annotated[
        dict[Annotated[str, Field(max_length=60)], Annotated[list[int], Field(max_length=MOST)]],
        Field(max_length=64),
    ]


@routes.get("/catalogue/categories")
@authenticated
@described(answer=shapes.Shelves)
def categories(_principal: Principal) -> Response:
    """Industries and problems of the catalogue, with how many apps suit each."""
    by_industry, by_problem = counts(app.manifest for app in platform().catalogue.apps.values())
    unknown = Texts(zh="其他", en="Other")
    return jsonify(
        industries=[_shelf(code, industries().get(code, unknown), n) for code, n in by_industry.items()],
        problems=[_shelf(name, PROBLEMS[name], n) for name, n in by_problem.items()],
    )


@routes.get("/catalogue/<app_id>/versions")
@authenticated
@described(answer=list[shapes.Release])
def versions(_principal: Principal, app_id: str) -> Response:
    """The newest approved versions of an app, with what changed; none of the platform's own apps."""
    app = platform().catalogue.app(app_id)
    return jsonify([_release(one) for one in releases(platform().metadata, app.manifest.id)])


@routes.get("/tenants/<tenant>/apps")
@guarded(Permission.READ)
@described(WORDS, INDUSTRY, PROBLEM, ORDER, AFTER, LIMIT, answer=list[shapes.FoundApp], headers=(LINK,))
def apps(scope: TenantScope) -> Response:
    """Apps that are looked for, with how many of their inputs the tenant's signals serve."""
    after, limit, problem = AFTER.read(), LIMIT.read(), PROBLEM.read()
    wish = Wish(WORDS.read(), INDUSTRY.read(), "" if problem == _ANY else problem, Order(ORDER.read()))
    known = platform().catalogue.apps
    with platform().metadata.session() as session:
        stock = stock_of(list_signals(session, scope))
        active = {one.app for one in subscriptions(session, scope)}
        fits = {name: choice_for(session, scope, app.manifest, stock).fit for name, app in known.items()}
    found = search(known.values(), wish, fits)
    rows = [_found(app, fits[app.manifest.id], active) for app in found[after : after + limit]]
    return paged(rows, "after", after + limit if after + limit < len(found) else None)


@routes.get("/tenants/<tenant>/apps/<app_id>/matching")
@guarded(Permission.READ)
@described(LINE, answer=shapes.Matching)
def matching(scope: TenantScope, app_id: str) -> Response:
    """Each input of the app: which signals fit, which look like it, why others cannot, what was confirmed."""
    manifest = app_here(scope, app_id).manifest
    with platform().metadata.session() as session:
        signals = list_signals(session, scope)
        chosen = confirmed(session, scope, app_id)
        choice = choice_for(session, scope, manifest, stock_of(signals))
    line = LINE.read()
    known = in_lines(signals, [line] if line else [])
    periods = measured_periods(platform().telemetry, scope, manifest, known)
    return jsonify(
        app=manifest.id, version=manifest.version, lines=lines_of(signals),
        found=sum(bool(numbers) for numbers in choice.inputs.values()), missing=choice.missing,
        confirmed=choice.confirmed,
        inputs=[_input(one, chosen) for one in match(manifest, stock_of(known, periods), suggest=True)],
    )  # fmt: skip


@routes.put("/tenants/<tenant>/apps/<app_id>/matching")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=MappingAsked, answer=shapes.Mapped)
def mapping(scope: TenantScope, app_id: str, body: MappingAsked) -> Response:
    """Confirm which signals serve as which input; an active subscription reads by it from now on."""
    manifest = app_here(scope, app_id).manifest
    with platform().metadata.session() as session:
        signals = list_signals(session, scope)
        choice = confirm(session, scope, manifest, body.inputs, signals, datetime.now(UTC))
    return jsonify(
        inputs=choice.inputs, signals=[signal.id for signal in choice.signals], missing=choice.missing
    )


@routes.errorhandler(MappingRefused)
def _refused(error: MappingRefused) -> Response:
    return Problem(422, error.message_en, error.message_zh, "mapping_refused").response()


@routes.errorhandler(UnknownApp)
def _unknown(error: UnknownApp) -> Response:
    return Problem(
        404, f"No app {error.args[0]!s:.60} is in the catalogue. GET /catalogue lists those that are.",
        f"目录中没有应用 {error.args[0]!s:.60}。可通过 GET /catalogue 查询。", "unknown_app",
    ).response()  # fmt: skip


def _shelf(code: str, name: Texts, apps: int) -> dict[str, Any]:
    return {"code": code, "name": name.model_dump(), "apps": apps}


def _release(one: Any) -> dict[str, Any]:  # noqa: ANN401 - a Release
    return {
        "version": one.version, "at": one.at and one.at.isoformat(),
        "said": one.said and one.said.model_dump(), "changed": one.changed,
    }  # fmt: skip


def _found(app: App, fit: Compatibility, active: set[str]) -> dict[str, Any]:
    manifest = app.manifest
    told = {"id", "version", "name", "description", "publisher", "industries", "problems"}
    return manifest.model_dump(mode="json", include=told) | {
        "approved_at": app.approved_at and app.approved_at.isoformat(),
        "inputs": len(manifest.inputs), "found": len(fit.found), "usable": fit.usable,
        "subscribed": manifest.id in active,
    }  # fmt: skip


def _input(one: InputMatch, chosen: list[Confirmed]) -> dict[str, Any]:
    told = {"key", "name", "semantic", "need", "unit", "max_period_s"}
    return one.wanted.model_dump(mode="json", include=told) | {
        "fits": len(one.fits),
        "signals": [_signal(signal) for signal in one.fits[:MOST]],
        "suggestions": [_signal(s.signal) | {"score": round(s.score, 3)} for s in one.suggestions],
        "near": [_signal(n.signal) | {"obstacles": [asdict(o) for o in n.obstacles]} for n in one.near],
        "confirmed": [
            {"id": c.signal, "path": c.path, "by": c.by, "at": c.at.isoformat(), "standing": c.standing,
             "changed": c.changed}
            for c in chosen if c.key == one.wanted.key
        ],
    }  # fmt: skip


def _signal(signal: SignalInfo) -> dict[str, Any]:
    name = {"zh": signal.name_zh or signal.path, "en": signal.name_en or signal.path}
    return {"id": signal.id, "path": signal.path, "name": name, "unit": signal.unit, "score": None}
