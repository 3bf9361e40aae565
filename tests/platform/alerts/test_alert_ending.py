"""Alerts of an app end with its subscription, however that ended, and say so; others stay."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tundish_platform.alarms import list_alarms
from tundish_platform.alerts import SUBSCRIPTION_ENDED, AlertEnder, end_orphaned, list_alerts, take_alert
from tundish_platform.marketplace.models import Subscription
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Shop

    from tundish_platform.alerts import AlertView
    from tundish_platform.samples import AlertReport
    from tundish_platform.tenancy import TenantScope

STOPPED = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


def subscription(shop: Shop, tenant: int, app: str, **more: object) -> None:
    values = {
        "tenant_id": tenant, "app_id": app, "app_version": "1.0.0", "plan": "free", "plan_kind": "free",
        "fen": 0, "schedule_s": 60.0, "window_s": 60.0, "parameters": {}, "started_by": "x",
        "started_at": STOPPED - timedelta(days=1), **more,
    }  # fmt: skip
    with shop.metadata.session() as session:
        session.execute(insert_into(session, Subscription).values(**values))


def tell(shop: Shop, report: AlertReport, now: datetime) -> None:
    with shop.metadata.of(shop.worker).session() as session:
        take_alert(session, shop.worker, report, now)


def alerts(shop: Shop, *, open_only: bool = False) -> dict[str, AlertView]:
    with shop.metadata.of(shop.viewer).session() as session:
        return {one.target: one for one in list_alerts(session, shop.viewer, open_only=open_only)}


def ended(shop: Shop, scope: TenantScope, now: datetime) -> int:
    with shop.metadata.of(scope).session() as session:
        return end_orphaned(session, scope, now)


def test_only_alerts_of_apps_without_a_subscription_end_and_say_why(
    shop: Shop, make_alert: Callable[..., AlertReport], now: datetime
) -> None:
    mine = shop.worker.tenant_id
    subscription(shop, mine, "gone", stopped_at=STOPPED)
    subscription(shop, mine, "again", stopped_at=STOPPED)
    subscription(shop, mine, "again")
    subscription(shop, mine, "paused", paused_at=STOPPED)
    for app in ("gone", "again", "paused"):
        tell(shop, make_alert(model=f"app.{app}", target=app), now)
    tell(shop, make_alert(target="model"), now)
    assert ended(shop, shop.worker, now) == 1
    found = alerts(shop)
    assert found["gone"].closed_at == STOPPED
    assert found["gone"].closed_because == SUBSCRIPTION_ENDED
    assert set(alerts(shop, open_only=True)) == {"again", "paused", "model"}
    assert {one.closed_because for one in alerts(shop, open_only=True).values()} == {""}
    assert ended(shop, shop.worker, now) == 0


def test_an_alert_never_ends_before_it_began(
    shop: Shop, make_alert: Callable[..., AlertReport], now: datetime
) -> None:
    subscription(shop, shop.worker.tenant_id, "gone", stopped_at=STOPPED - timedelta(days=9))
    report = make_alert(model="app.gone", target="late")
    tell(shop, report, now)
    assert ended(shop, shop.worker, now) == 1
    assert alerts(shop)["late"].closed_at == report.opened_at + timedelta(microseconds=1)


def test_the_end_is_final_and_takes_the_alarm_along(
    shop: Shop, make_alert: Callable[..., AlertReport], now: datetime
) -> None:
    subscription(shop, shop.worker.tenant_id, "gone", stopped_at=STOPPED)
    report = make_alert(model="app.gone", target="grave", priority=3)
    tell(shop, report, now)
    assert standing(shop) == [True]
    assert ended(shop, shop.worker, now) == 1
    assert standing(shop) == [False]
    # A run that was under way tells the same alert once more.
    tell(shop, report.model_copy(update={"judged_to": now}), now)
    assert alerts(shop)["grave"].closed_because == SUBSCRIPTION_ENDED
    assert standing(shop) == [False]


def standing(shop: Shop) -> list[bool]:
    with shop.metadata.of(shop.viewer).session() as session:
        return [one.active for one in list_alarms(session, shop.viewer, STOPPED)]


def test_who_may_not_write_ends_nothing(shop: Shop, now: datetime) -> None:
    with pytest.raises(AccessDenied):
        ended(shop, shop.viewer, now)


def test_rounds_reach_every_tenant_and_only_its_own_alerts(
    shop: Shop, make_alert: Callable[..., AlertReport], now: datetime
) -> None:
    # The neighbour still has the app; that keeps nobody else's alert open.
    subscription(shop, shop.stranger.tenant_id, "gone")
    tell(shop, make_alert(model="app.gone", target="mine"), now)
    ender = AlertEnder(shop.metadata)
    assert ender.round() == 1
    assert alerts(shop)["mine"].closed_because == SUBSCRIPTION_ENDED
    assert ender.round() == 0


def test_it_goes_round_by_itself_until_it_is_closed(
    shop: Shop, make_alert: Callable[..., AlertReport], now: datetime
) -> None:
    tell(shop, make_alert(model="app.gone", target="mine"), now)
    ender, waited = AlertEnder(shop.metadata, every_s=0.01), threading.Event()
    ender.start()
    for _ in range(1_000):
        if not alerts(shop, open_only=True):
            break
        waited.wait(0.01)
    ender.close()
    assert alerts(shop, open_only=True) == {}
    with shop.metadata.session() as session:
        assert session.scalars(select(Subscription.id)).all() == []
