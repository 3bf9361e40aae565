"""Stars and unannounced failures, as the pages take them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.ratings.models import AppStars, MissedFailure
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site
    from flask.testing import FlaskClient

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
APP, ALERTS = "/market/own-plant/app/spc-monitor", "/alerts/own-plant"
NOW = datetime.now(UTC)


@contextmanager
def ran(site: Site) -> Iterator[None]:
    """An accepted run of the app at the plant, for a while."""
    with site.context.metadata.session() as session:
        tenant = session.scalars(select(Tenant.id).where(Tenant.slug == "own-plant")).one()
        row = Subscription(
            tenant_id=tenant, app_id="spc-monitor", app_version="0.1.0", plan="free", plan_kind="free", fen=0,
            schedule_s=60, window_s=600, parameters={}, started_at=NOW, started_by="x", stopped_at=NOW,
        )  # fmt: skip
        session.add(row)
        session.flush()
        run = AppRun(
            tenant_id=tenant, subscription_id=row.id, app_id="spc-monitor", app_version="0.1.0",
            started_at=NOW, window_start=NOW, window_end=NOW, seconds=1, rows_in=1, values_out=1,
            isolation="process", filtered=True, outcome="ok", message_zh="", message_en="",
        )  # fmt: skip
        session.add(run)
    yield
    with site.context.metadata.session() as session:
        session.delete(run)
        session.delete(row)


def ask(site: Site, client: FlaskClient, output: str, path: str, **values: Any) -> Any:  # noqa: ANN401 - JSON
    """What the callback that has these two outputs answers, with the button pressed."""
    first, _, second = output.partition(" ")
    names = [one for one in site.dash.callback_map if first in one and second in one]
    body = site.body(names[0], path)
    for part in (*body["inputs"], *body["state"]):
        if isinstance(part, dict) and part["id"] in values:
            part["value"] = values[part["id"]]
    answer = client.post(UPDATE, json=body, headers=ORIGIN)
    return answer.get_json()["response"] if answer.status_code == 200 else answer.status_code


def shown(site: Site, login: str, path: str = APP) -> str:
    return json.dumps(ask(site, site.visitor(login), "app-panels.children", path), ensure_ascii=False)


def test_stars_come_beside_the_measured_figure_and_go_again(site: Site) -> None:
    for who in ("insider", "neighbour"):
        site.visitor(who).get("/language/zh-CN?next=/")
    give = "stars-dialog.opened@ stars-dialog-problem.children"
    fields = {"stars-yes": 1, "stars-number": "4", "stars-text": "看得清 <b>x</b>"}
    owner = site.visitor("insider")
    answer = ask(site, owner, give, APP, **fields)
    assert set(answer) == {"stars-dialog-problem"}, "without a run there are no stars"
    with ran(site):
        assert ask(site, site.visitor("viewer"), give, APP, **fields) == 404
        answer = ask(site, owner, give, APP, **fields)
        assert answer["stars-dialog"]["opened"] is False
        said = shown(site, "insider")
        assert "★★★★☆" in said
        assert "看得清 <b>x</b>" in said
        assert "工厂数量不足" in said
        cards = json.dumps(ask(site, owner, "market-cards.children", "/market/own-plant"), ensure_ascii=False)
        assert "★ 4" in cards
        assert "工厂数量不足" in cards
        # The neighbour reads the stars, and nothing of whose they are.
        theirs = shown(site, "neighbour", "/market/canary-plant/app/spc-monitor")
        assert "★★★★☆" in theirs
        assert "In Sider" not in theirs
        assert "own-plant" not in theirs
        back = next(
            one
            for one in site.dash.callback_map
            if site.dash.callback_map[one]["inputs"][0]["id"] == "stars-withdraw"
        )
        body = site.body(back, APP)
        body["inputs"][0]["value"] = 1
        assert owner.post(UPDATE, json=body, headers=ORIGIN).status_code == 200
        assert "★★★★☆" not in shown(site, "insider")
        with site.context.metadata.session() as session:
            mine = select(AppStars).where(AppStars.app_id == "spc-monitor")
            assert session.scalars(mine).all() == []


def test_a_failure_that_nobody_announced_is_kept_and_shown(site: Site) -> None:
    keep = "missed-dialog.opened@ missed-list.children@"
    path = "OWN-Site/Shop/L1/M1"
    with site.context.metadata.session() as session:
        before = len(session.scalars(select(MissedFailure)).all())
    shift = site.visitor("shift")
    good = {
        "missed-yes": 1,
        "missed-machine": path,
        "missed-at": "2026-01-31 08:00",
        "missed-note": "<b>y</b>",
    }
    for wrong in (
        {"missed-at": "yesterday"},
        {"missed-machine": "nowhere"},
        {"missed-at": "2999-01-01 00:00"},
    ):
        assert set(ask(site, shift, keep, ALERTS, **(good | wrong))) == {"missed-dialog-problem"}, wrong
    assert ask(site, site.visitor("viewer"), keep, ALERTS, **good) == 404
    answer = ask(site, shift, keep, ALERTS, **good)
    assert answer["missed-dialog"]["opened"] is False
    listed = json.dumps(answer["missed-list"], ensure_ascii=False)
    assert path in listed
    assert "<b>y</b>" in listed
    with site.context.metadata.session() as session:
        kept = session.scalars(select(MissedFailure)).all()
        assert len(kept) == before + 1
        assert kept[-1].failed_at == datetime(2026, 1, 31, tzinfo=UTC)
        number = kept[-1].id
    remove = next(one for one in site.dash.callback_map if one == "missed-list.children")
    body = site.body(remove, ALERTS)
    button = {"role": "missed-remove", "number": number}
    body["inputs"] = [[{"id": button, "property": "n_clicks", "value": 1}]]
    body["changedPropIds"] = [f"{json.dumps(button, separators=(',', ':'), sort_keys=True)}.n_clicks"]
    assert shift.post(UPDATE, json=body, headers=ORIGIN).status_code == 200
    with site.context.metadata.session() as session:
        assert len(session.scalars(select(MissedFailure)).all()) == before
