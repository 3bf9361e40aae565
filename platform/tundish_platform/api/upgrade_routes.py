"""Routes of upgrades: seen, asked for and undone by people; tried by the worker that runs apps."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint

from tundish_platform.api import upgrade_shapes as shapes
from tundish_platform.api.answers import ARROW_MIME, arrow_stream
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import KIND, WINDOW, page, whole
from tundish_platform.api.params import window
from tundish_platform.assets import find_signals, list_signals
from tundish_platform.marketplace import grant_signals, upgrades
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.publishing.versions import approved_version, manifest_of
from tundish_platform.marketplace.subscriptions import subscription_of
from tundish_platform.marketplace.upgrades import Shadow, State, UnknownUpgrade, UpgradeRefused
from tundish_platform.marketplace.upgrades.faults import no_such_version, over
from tundish_platform.marketplace.upgrades.shelf import may_run, offer_for, standing
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from tundish_platform.marketplace.upgrades import Offer, UpgradeView
    from tundish_platform.sdk import Manifest
    from tundish_platform.tenancy import TenantScope

BEFORE: Final = whole(
    "before", 0, MAX_ID, 0, "Number of the last upgrade of the page before; 0 for the newest."
)
LIMIT: Final = page(100, 50)

routes = Blueprint("upgrades", __name__)


@routes.get("/tenants/<tenant>/subscriptions/<app_id>/versions")
@guarded(Permission.READ)
@described(answer=shapes.Versions)
def versions(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """The version that runs, what is newer on the shelf, what waits, and what could come back."""
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        subscription = subscription_of(session, scope, app_id)
        found = standing(session, above, scope, subscription)
    return {
        "version": subscription.version, "follow": subscription.follow, "former": found.former,
        "newer": None if found.offer is None else _newer(found.offer),
        "waiting": None if found.waiting is None else told(found.waiting),
    }  # fmt: skip


@routes.get("/tenants/<tenant>/subscriptions/<app_id>/upgrades")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[shapes.Upgrade], headers=(LINK,))
def listed(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Which version followed which, newest first, with what was tried and not taken."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = upgrades.upgrades_of(session, scope, app_id, BEFORE.read(), limit)
    return paged([told(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/upgrades")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=shapes.UpgradeAsked, answer=shapes.Upgrade, status=201)
def ask(scope: TenantScope, app_id: str, body: shapes.UpgradeAsked) -> ResponseReturnValue:
    """Take a newer version, once it ran well beside the running one over the same data."""
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        offer = offer_for(session, above, scope, subscription_of(session, scope, app_id), body.version)
        if offer is None:
            raise no_such_version(app_id, body.version)
        made = upgrades.ask_upgrade(session, scope, app_id, offer, body.agreed, utc_now())
    return told(made), 201


@routes.put("/tenants/<tenant>/subscriptions/<app_id>/follow")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=shapes.Followed, answer=shapes.Followed)
def follow(scope: TenantScope, app_id: str, body: shapes.Followed) -> ResponseReturnValue:
    """Say whether patches may come by themselves."""
    with platform().metadata.session() as session:
        upgrades.set_follow(session, scope, app_id, body.follow, utc_now())
    return {"follow": body.follow}


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/rollback")
@guarded(Permission.SUBSCRIBE, person=True)
@described(answer=shapes.Upgrade)
def rollback(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Have the former version back, with the signals, settings and rhythm it had."""
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        return told(upgrades.roll_back(session, scope, app_id, may_run(above, app_id), utc_now()))


@routes.post("/tenants/<tenant>/upgrades/<int:upgrade>/decision")
@guarded(Permission.SUBSCRIBE, person=True)
@described(body=shapes.Decision, answer=shapes.Upgrade)
def decide(scope: TenantScope, upgrade: int, body: shapes.Decision) -> ResponseReturnValue:
    """Take a version although it tells other values, or stay with the running one."""
    number = known_id(upgrade)
    with platform().metadata.session() as session:
        if not body.take:
            return told(upgrades.give_up(session, scope, number, utc_now()))
        found = upgrades.upgrade_of(session, scope, number)
        return told(upgrades.take_anyway(session, scope, number, _manifest(found), utc_now()))


@routes.post("/tenants/<tenant>/upgrades/patches")
@guarded(Permission.ANALYSE)
@described(answer=shapes.Begun)
def patches(scope: TenantScope) -> ResponseReturnValue:
    """Begin the upgrades to patches that subscriptions follow; nothing happens where none is new."""
    metadata = platform().metadata
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        stock = stock_of(list_signals(session, scope))
        begun = upgrades.follow_patches(session, above, scope, stock, utc_now())
    return {"upgrades": [told(one) for one in begun]}


@routes.get("/tenants/<tenant>/upgrades/<int:upgrade>/samples")
@guarded(Permission.ANALYSE)
@described(*WINDOW, KIND, gives=(ARROW_MIME,))
def samples(scope: TenantScope, upgrade: int) -> Response:
    """Samples of one kind that the new version would read, as Arrow; nothing once its shadow run is over."""
    first, last = window()
    kind = SampleKind(KIND.read())
    with platform().metadata.session() as session:
        found = upgrades.upgrade_of(session, scope, known_id(upgrade))
        if found.state != State.TRYING:
            raise over(found.id)
        # What was withdrawn since it was asked for stays withdrawn.
        held = grant_signals(session, scope, found.app)
        allowed = (frozenset(found.signals) & held) | frozenset(found.fresh)
        narrowed = scope.narrowed(allowed, frozenset({Permission.READ}))
        wanted = [one.id for one in find_signals(session, narrowed, sorted(allowed)) if one.kind is kind]
    if last - first > timedelta(seconds=_manifest(found).window_s):
        raise Problem(
            422, "A shadow run reads one window of the new version's length.",
            "试运行只读取新版本一个窗口长度的数据。", "window_too_long",
        )  # fmt: skip
    return arrow_stream(platform().telemetry.read(narrowed, wanted, first, last, kind))


@routes.post("/tenants/<tenant>/upgrades/<int:upgrade>/shadow")
@guarded(Permission.ANALYSE)
@described(body=Shadow, answer=shapes.Upgrade)
def shadow(scope: TenantScope, upgrade: int, body: Shadow) -> ResponseReturnValue:
    """Hand back a shadow run; one that went well switches the subscription."""
    number = known_id(upgrade)
    with platform().metadata.session() as session:
        found = upgrades.upgrade_of(session, scope, number)
        return told(upgrades.shadow_ran(session, scope, number, body, _manifest(found), utc_now()))


def _manifest(one: UpgradeView) -> Manifest:
    """Of the new version, which must still be approved."""
    with platform().metadata.above(Above.PACKAGES).session() as above:
        found = manifest_of(above, one.app, one.to_version)
        if found is None or approved_version(above, one.app, one.to_version) is None:
            raise over(one.id)
    return found


def told(one: UpgradeView) -> dict[str, Any]:
    """An upgrade as the API gives it."""
    given = asdict(one) | {"shadow": one.shadow and one.shadow.model_dump(mode="json")}
    return shapes.Upgrade.model_validate(given).model_dump(mode="json")


def _newer(offer: Offer) -> dict[str, Any]:
    manifest = offer.newer.manifest
    return shapes.Newer(
        version=offer.newer.version, approved_at=offer.newer.approved_at, said=manifest.changes,
        changed=list(offer.changed), more=list(offer.more), signals=list(offer.signals),
        fresh=list(offer.fresh), missing=list(offer.missing), plans=list(manifest.offers),
        resources=manifest.resources,
    ).model_dump(mode="json")  # fmt: skip


@routes.errorhandler(UpgradeRefused)
def _refused(error: UpgradeRefused) -> ResponseReturnValue:
    return Problem(error.status, error.message_en, error.message_zh, error.code).response()


@routes.errorhandler(UnknownUpgrade)
def _unknown(error: UnknownUpgrade) -> ResponseReturnValue:
    return Problem(404, f"There is no upgrade {error}.", f"没有升级 {error}。", "unknown_upgrade").response()
