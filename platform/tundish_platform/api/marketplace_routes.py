"""Routes of the marketplace: catalogue, subscriptions, grants, the granted inputs of an app, runs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, jsonify, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import shapes
from tundish_platform.api.answers import ARROW_MIME, arrow_stream
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import APP, KIND, WINDOW, page, whole
from tundish_platform.api.params import window
from tundish_platform.assets import find_signals, list_signals
from tundish_platform.marketplace import (
    MissingInputs,
    NotSubscribed,
    ParameterRefused,
    RecordedRun,
    Run,
    SubscriptionView,
    UnknownApp,
    compatibility,
    grant_signals,
    granted_scope,
    record_run,
    recorded_runs,
    stop,
    subscribe,
    subscription_of,
    subscriptions,
)
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask import Response

    from tundish_platform.tenancy import Principal, TenantScope

# The runner asks up to just behind the newest sample.
_SLACK: Final = timedelta(seconds=1)

BEFORE: Final = whole(
    "before", 0, 2**31 - 1, 0, "Number of the last run of the page before; 0 for the newest."
)
RUN_LIMIT: Final = page(500, 50)

routes = Blueprint("marketplace", __name__)


class SubscriptionRequest(BaseModel):
    """Body of a subscription: which app, and its settings."""

    model_config = ConfigDict(extra="forbid")

    app: Annotated[str, Field(max_length=60)]
    parameters: dict[str, float | str] = {}


@routes.get("/catalogue")
@authenticated
@described(answer=list[shapes.App], tagged=True)
def catalogue(_principal: Principal) -> Response:
    """Every app there is: manifests and model cards."""
    return jsonify(platform().catalogue.describe())


@routes.get("/tenants/<tenant>/apps/<app_id>/compatibility")
@guarded(Permission.READ)
@described(answer=shapes.Fit)
def fit(scope: TenantScope, app_id: str) -> Response:
    """What of the app's inputs this tenant has."""
    manifest = platform().catalogue.app(app_id).manifest
    with platform().metadata.session() as session:
        found = compatibility(manifest, list_signals(session, scope))
    ids = [signal.id for signal in found.signals]
    return jsonify(
        found=found.found, absent=found.absent, missing=found.missing, usable=found.usable, signals=ids
    )


@routes.get("/tenants/<tenant>/subscriptions")
@guarded(Permission.READ)
@described(answer=list[shapes.Subscription])
def subscription_list(scope: TenantScope) -> Response:
    """Active subscriptions with their grants."""
    with platform().metadata.session() as session:
        return jsonify([_described(view) for view in subscriptions(session, scope)])


@routes.post("/tenants/<tenant>/subscriptions")
@guarded(Permission.SUBSCRIBE)
@described(body=SubscriptionRequest, answer=shapes.Subscription)
def subscription_start(scope: TenantScope, body: SubscriptionRequest) -> Response:
    """Subscribe; who is subscribed already gets that subscription."""
    with platform().metadata.session() as session:
        signals = list_signals(session, scope)
        view = subscribe(session, scope, platform().catalogue, body.app, signals, body.parameters)
    return jsonify(_described(view))


@routes.delete("/tenants/<tenant>/subscriptions/<app_id>")
@guarded(Permission.SUBSCRIBE)
@described(answer=shapes.Stopped)
def subscription_stop(scope: TenantScope, app_id: str) -> Response:
    """Stop; grants are withdrawn at once. Stopping twice is no error."""
    with platform().metadata.session() as session:
        return jsonify(stopped=stop(session, scope, app_id))


@routes.get("/tenants/<tenant>/grants/<app_id>")
@guarded(Permission.READ)
@described(answer=shapes.Granted)
def grants(scope: TenantScope, app_id: str) -> Response:
    """Ids of the signals the app may read."""
    with platform().metadata.session() as session:
        return jsonify(signals=sorted(grant_signals(session, scope, app_id)))


@routes.get("/tenants/<tenant>/grants/<app_id>/samples")
@guarded(Permission.ANALYSE)
@described(*WINDOW, KIND, gives=(ARROW_MIME,))
def inputs(scope: TenantScope, app_id: str) -> Response:
    """Samples of the granted signals of one kind, in a window no longer than the subscription's, as Arrow."""
    start, end = window()
    kind = SampleKind(KIND.read())
    with platform().metadata.session() as session:
        allowed = subscription_of(session, scope, app_id).window_s
        narrowed = granted_scope(session, scope, app_id)
        wanted = [
            s.id for s in find_signals(session, narrowed, sorted(narrowed.signals or ())) if s.kind is kind
        ]
    if end - start > timedelta(seconds=allowed) + _SLACK:
        raise Problem(
            422, f"{app_id} is granted windows of {allowed:g} s; this one is longer.",
            f"{app_id} 只获准读取 {allowed:g} 秒的窗口,本次请求更长。", "window_too_long",
        )  # fmt: skip
    return arrow_stream(platform().telemetry.read(narrowed, wanted, start, end, kind))


@routes.get("/tenants/<tenant>/runs")
@guarded(Permission.READ)
@described(APP, BEFORE, RUN_LIMIT, answer=list[RecordedRun], headers=(LINK,))
def run_list(scope: TenantScope) -> Response:
    """The newest runs, of one ``app`` or of all."""
    before, limit = BEFORE.read(), RUN_LIMIT.read()
    with platform().metadata.session() as session:
        found = recorded_runs(session, scope, request.args.get("app"), before, limit)
    last = last_of(found, limit)
    return paged([run.model_dump(mode="json") for run in found], "before", last)


@routes.post("/tenants/<tenant>/runs")
@guarded(Permission.ANALYSE)
@described(body=Run, answer=shapes.Recorded)
def run_record(scope: TenantScope, body: Run) -> Response:
    """Record a run of an active subscription."""
    with platform().metadata.session() as session:
        return jsonify(id=record_run(session, scope, body))


@routes.errorhandler(UnknownApp)
def _unknown_app(error: UnknownApp) -> Response:
    return Problem(
        404, f"No app {error.args[0]!s:.60} is in the catalogue. GET /catalogue lists those that are.",
        f"目录中没有应用 {error.args[0]!s:.60}。可通过 GET /catalogue 查询。", "unknown_app",
    ).response()  # fmt: skip


@routes.errorhandler(NotSubscribed)
def _not_subscribed(error: NotSubscribed) -> Response:
    return Problem(
        404, f"There is no active subscription to {error!s:.60}. Subscribe first.",
        f"没有对 {error!s:.60} 的有效订阅。请先订阅。", "not_subscribed",
    ).response()  # fmt: skip


@routes.errorhandler(MissingInputs)
def _missing_inputs(error: MissingInputs) -> Response:
    keys = ", ".join(error.keys)
    return Problem(
        409, f"{error.app_id} needs inputs that no signal here serves: {keys}. Connect them and try again.",
        f"{error.app_id} 需要的输入 {keys} 在本企业没有对应信号。请先接入后再订阅。", "missing_inputs",
    ).response()  # fmt: skip


@routes.errorhandler(ParameterRefused)
def _parameter_refused(error: ParameterRefused) -> Response:
    return Problem(
        422, f"{error}. Compare with the parameters in the catalogue.",
        f"参数无法使用 — {error}。请对照应用目录中的参数说明。", "parameter_refused",
    ).response()  # fmt: skip


def _described(view: SubscriptionView) -> dict[str, Any]:
    return {**asdict(view), "active": view.active, "due": view.due(datetime.now(UTC))}
