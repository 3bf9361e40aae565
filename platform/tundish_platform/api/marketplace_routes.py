"""Routes of the marketplace: catalogue, subscriptions, grants, the granted inputs of an app, runs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, jsonify, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tundish_platform.alarms import take_reports
from tundish_platform.api import shapes
from tundish_platform.api.answers import ARROW_MIME, arrow_stream
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.marketplace_faults import marketplace_faults
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import APP, KIND, WINDOW, page, whole
from tundish_platform.api.params import window
from tundish_platform.assets import find_signals, list_signals
from tundish_platform.marketplace import (
    RecordedRun,
    ReportedRun,
    Run,
    RunNotHeld,
    SubscriptionView,
    after_run,
    choice_for,
    claim_run,
    grant_signals,
    granted_scope,
    halt_of,
    halts,
    record_run,
    recorded_runs,
    restart,
    stop,
    subscribe,
    subscription_of,
    subscriptions,
)
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.upgrades import Reason, State, after_failures, newest_taken, open_upgrades
from tundish_platform.marketplace.upgrades.shelf import may_run
from tundish_platform.samples import AlarmReport, SampleKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from tundish_platform.marketplace import Halt
    from tundish_platform.marketplace.upgrades import UpgradeView
    from tundish_platform.tenancy import Principal, TenantScope

# Source of the alarms that tell of apps.
_APPS: Final = "marketplace"
# So long a roll-back stands among the alarms.
_TOLD_FOR: Final = timedelta(days=1)
# The runner asks up to just behind the newest sample.
_SLACK: Final = timedelta(seconds=1)

BEFORE: Final = whole(
    "before", 0, 2**31 - 1, 0, "Number of the last run of the page before; 0 for the newest."
)
RUN_LIMIT: Final = page(500, 50)

routes = Blueprint("marketplace", __name__)
marketplace_faults(routes)


class SubscriptionRequest(BaseModel):
    """Body of a subscription: which app, its settings, and which of its plans; the first if absent."""

    model_config = ConfigDict(extra="forbid")

    app: Annotated[str, Field(max_length=60)]
    parameters: dict[str, float | str] = {}
    plan: Annotated[str, Field(max_length=20)] | None = None


class RunClaim(BaseModel):
    """Body of a claim.

    Attributes:
        holder: name of the process, which no other has.
        seconds: how long it holds the run at most.
        last_run_at: start of the newest run that it knows of.
    """

    model_config = ConfigDict(extra="forbid")

    holder: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
    seconds: Annotated[float, Field(gt=0, le=3_600)]
    last_run_at: AwareDatetime | None = None


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
        found = choice_for(session, scope, manifest, stock_of(list_signals(session, scope))).fit
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
        still = halts(session, scope)
        waiting = open_upgrades(session, scope)
        return jsonify(
            [
                described_subscription(view, still.get(view.app), waiting.get(view.app))
                for view in subscriptions(session, scope)
            ]
        )


@routes.post("/tenants/<tenant>/subscriptions")
@guarded(Permission.SUBSCRIBE)
@described(body=SubscriptionRequest, answer=shapes.Subscription)
def subscription_start(scope: TenantScope, body: SubscriptionRequest) -> Response:
    """Subscribe; who is subscribed already gets that subscription."""
    with platform().metadata.session() as session:
        signals = list_signals(session, scope)
        view = subscribe(session, scope, platform().catalogue, body.app, signals, body.parameters, body.plan)
        halt = halt_of(session, scope, body.app)
    return jsonify(described_subscription(view, halt))


@routes.delete("/tenants/<tenant>/subscriptions/<app_id>")
@guarded(Permission.SUBSCRIBE)
@described(answer=shapes.Stopped)
def subscription_stop(scope: TenantScope, app_id: str) -> Response:
    """Stop; grants are withdrawn at once. Stopping twice is no error."""
    with platform().metadata.session() as session:
        return jsonify(stopped=stop(session, scope, app_id))


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/restart")
@guarded(Permission.SUBSCRIBE, person=True)
@described(answer=shapes.Restarted)
def subscription_restart(scope: TenantScope, app_id: str) -> Response:
    """Let an app run again that was stopped because it failed again and again."""
    with platform().metadata.session() as session:
        return jsonify(restarted=restart(session, scope, app_id, datetime.now(UTC)))


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
@described(body=ReportedRun, answer=shapes.Recorded)
def run_record(scope: TenantScope, body: ReportedRun) -> Response:
    """Record a run of an active subscription; by who claimed it, where it is claimed."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        number = record_run(session, scope, body, now)
        after_failures(session, scope, body.app, body.version, _may_run(body.app), now)
        halt = after_run(session, scope, body.app, body.version, now)
        if Permission.INGEST in scope.permissions:
            back = newest_taken(session, scope, body.app)
            take_reports(session, scope, _APPS, [_alarm(body, halt), _came_back(body, back, now)], now)
    return jsonify(id=number)


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/claim")
@guarded(Permission.ANALYSE)
@described(body=RunClaim, answer=shapes.RunHeld)
def run_claim(scope: TenantScope, app_id: str, body: RunClaim) -> Response:
    """Claim the next run of an app, so that no other process runs it meanwhile."""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=body.seconds)
    with platform().metadata.session() as session:
        if not claim_run(session, scope, app_id, body.holder, body.last_run_at, until, now):
            raise RunNotHeld(app_id)
    return jsonify(until=until.isoformat())


def _may_run(app_id: str) -> Callable[[str], bool]:
    """Asks the shelf only where the answer counts: nearly no run needs it."""

    def allowed(version: str) -> bool:
        with platform().metadata.above(Above.PACKAGES).session() as above:
            return may_run(above, app_id)(version)

    return allowed


def described_subscription(
    view: SubscriptionView, halt: Halt | None, waiting: UpgradeView | None = None
) -> dict[str, Any]:
    """A subscription as the API gives it.

    Args:
        view: the subscription.
        halt: why the marketplace stopped the app, if it did.
        waiting: the upgrade that is not over, if there is one.
    """
    now = datetime.now(UTC)
    due = view.due(now) and (halt is None or halt.version != view.version)
    told = {"active": view.active, "due": due, "state": view.state(now), "halted": halt and _halted(halt)}
    tries = waiting is not None and waiting.state == State.TRYING
    return {**asdict(view), **told, "upgrade": _trying(view, waiting) if waiting and tries else None}


def _trying(view: SubscriptionView, waiting: UpgradeView) -> dict[str, Any]:
    # What was withdrawn since it was asked for stays withdrawn.
    reads = (set(waiting.signals) & set(view.signals)) | set(waiting.fresh)
    named = {"id": waiting.id, "version": waiting.to_version, "try_at": waiting.try_at.isoformat()}
    return {**named, "signals": sorted(reads), "inputs": waiting.inputs}


def _halted(halt: Halt) -> dict[str, Any]:
    named = {"version": halt.version, "failures": halt.failures, "since": halt.since.isoformat()}
    return {**named, "reason_zh": halt.reason_zh, "reason_en": halt.reason_en}


def _came_back(run: Run, newest: UpgradeView | None, now: datetime) -> AlarmReport:
    """For a day people are told that a new version failed and the former one runs again."""
    failed = (
        newest is not None and newest.reason == Reason.FAILING
        and newest.ended_at is not None and now - newest.ended_at < _TOLD_FOR
    )  # fmt: skip
    words = {"new": newest.to_version, "old": newest.from_version} if newest and failed else {}
    return AlarmReport(
        key=f"{run.app} returned",
        active=failed,
        ts=newest.ended_at if newest and failed and newest.ended_at else run.started_at,
        name_zh=f"应用 {run.app} 已退回旧版本",
        name_en=f"App {run.app} went back to its former version",
        message_zh="新版本 {new} 连续运行失败, 已自动退回 {old}。".format(**words) if words else "",
        message_en="Version {new} failed run by run; {old} runs again.".format(**words) if words else "",
    )


def _alarm(run: Run, halt: Halt | None) -> AlarmReport:
    """What people are told by the alarms' own ways: that the app stands still, or that it runs again."""
    return AlarmReport(
        key=f"{run.app} halted",
        active=halt is not None,
        ts=run.started_at if halt is None else halt.since,
        name_zh=f"应用 {run.app} 已停止",
        name_en=f"App {run.app} was stopped",
        message_zh=halt.reason_zh[:500] if halt else "",
        message_en=halt.reason_en[:500] if halt else "",
    )
