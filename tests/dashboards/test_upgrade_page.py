"""Upgrades on an app's page: what is newer, agreeing to more data, the way back; each tenant its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.assets import list_signals
from tundish_platform.marketplace import App, Catalogue, subscribe, subscription_of
from tundish_platform.marketplace.publishing.models import AppPackage, AppTitle, Publisher, PublisherKey
from tundish_platform.marketplace.upgrades import Shadow, open_upgrades, shadow_ran
from tundish_platform.sdk.manifest import parse_manifest
from tundish_platform.tenancy import Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import SubscriptionView
    from tundish_platform.marketplace.upgrades import UpgradeView
    from tundish_platform.sdk import Manifest

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
NOW = datetime(2026, 5, 1, tzinfo=UTC)
OWN, THEIRS = "/market/own-plant/app/probe", "/market/canary-plant/app/probe"
MANIFEST = """
id = "probe"
version = "{version}"
entry = "tundish_app_probe.app:run"
publisher = "Acme"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "探头", en = "Probe" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
changes = {{ zh = "更准", en = "sharper" }}
inputs = [{{ key = "any", semantic = "pressure.*", name = {{ zh = "压力", en = "pressure" }} }}{more}]
outputs = [{{ key = "number", name = {{ zh = "数", en = "number" }} }}]
"""
MORE = """, { key = "state", need = "optional", kinds = ["text"], semantic = "state.*",
  name = { zh = "状态", en = "state" } }"""


def manifest(version: str, more: str = "") -> Manifest:
    return parse_manifest(
        MANIFEST.format(version=version, more=more).replace("\n  name", " name").encode(), "x"
    )


OLD, NEW = manifest("1.0.0"), manifest("1.1.0", MORE)


def on_the_shelf(session: Session, tenant_id: int) -> None:
    """Both versions, approved, of a publisher; their archives are not needed to look at them."""
    session.add(Publisher(tenant_id=tenant_id, name="Acme", made_at=NOW, made_by="x"))
    key = PublisherKey(
        tenant_id=tenant_id, fingerprint="0" * 64, public_pem="x", added_at=NOW, added_by="x", vouched_by="",
    )  # fmt: skip
    session.add(key)
    session.add(AppTitle(tenant_id=tenant_id, app_id="probe", first_at=NOW, uploads=2))
    session.flush()
    for one, minor in ((OLD, 0), (NEW, 1)):
        session.add(
            AppPackage(
                tenant_id=tenant_id, app_id="probe", version=one.version, major=1, minor=minor, patch=0,
                digest=str(minor) * 64, size=1, signature="0" * 128, key_id=key.id, state="approved",
                manifest=one.model_dump(mode="json"), uploaded_at=NOW, uploaded_by="x", decided_at=NOW,
            )
        )  # fmt: skip


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[Site]:
    """Both enterprises run the first version; a second one is on the shelf."""
    apps = {one.version: App(one, Path("/nowhere"), foreign=True) for one in (OLD, NEW)}
    for who in ("insider", "viewer", "neighbour"):
        site.visitor(who).get("/language/zh-CN?next=/")
    with site.context.metadata.above(Above.OPERATOR).session() as session:
        for slug in ("own-plant", "canary-plant"):
            scope = boss(session, slug)
            subscribe(
                session, scope, Catalogue({"probe": apps["1.0.0"]}), "probe", list_signals(session, scope)
            )
        # Not one of the two enterprises, which other tests make publishers too.
        on_the_shelf(session, create_tenant(session, "acme", "Acme", "Acme").id)
    before = site.context.catalogue
    catalogue = Catalogue(packages=lambda: {"probe": apps["1.1.0"]}, named=lambda _id, version: apps[version])
    object.__setattr__(site.context, "catalogue", catalogue)
    yield site
    object.__setattr__(site.context, "catalogue", before)


def boss(session: Session, slug: str, role: Role = Role.OWNER) -> TenantScope:
    wanted = Permission.SUBSCRIBE if role is Role.OWNER else Permission.ANALYSE
    return access_tenant(job_principal(session, "boss", role), slug, wanted)


def output_of(site: Site, first: str, *, last: bool = False) -> str:
    site.visitor("insider").get("/account")
    every = [one for one in site.dash.callback_map if one.lstrip(".").startswith(first)]
    return next(one for one in every if ("@" in one) is last)


def page(site: Site, who: str, path: str) -> str:
    body = site.body(output_of(site, "app-panels.children"), path)
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def asked(site: Site, act: str, to: str = "") -> dict[str, Any]:
    """What the dialog shows when a button was clicked."""
    body = site.body(output_of(site, "upgrade-dialog.opened"), OWN)
    button = {"role": "upgrade", "act": act, "of": 0, "to": to}
    name = json.dumps(button, sort_keys=True, separators=(",", ":"))
    body["inputs"][0] = [{"id": button, "property": "n_clicks", "value": 1}]
    body["changedPropIds"] = [f"{name}.n_clicks"]
    answer = site.visitor("insider").post(UPDATE, json=body, headers=ORIGIN)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()["response"]
    return found


def say_yes(
    site: Site, act: str, *agreed: str, of: int = 0, to: str = "", who: str = "insider", path: str = OWN
) -> tuple[int, str]:
    body = site.body(output_of(site, "upgrade-dialog.opened", last=True), path, 1)
    told = {"upgrade-wish": {"act": act, "of": of, "to": to}, "upgrade-agreed": list(agreed)}
    body["state"] = [{**part, "value": told.get(part["id"], path)} for part in body["state"]]
    answer = site.visitor(who).post(UPDATE, json=body, headers=ORIGIN)
    return answer.status_code, json.dumps(answer.json, ensure_ascii=False)


def standing(site: Site, slug: str = "own-plant") -> tuple[SubscriptionView, UpgradeView | None]:
    with site.context.metadata.above(Above.OPERATOR).session() as session:
        scope = boss(session, slug)
        return subscription_of(session, scope, "probe"), open_upgrades(session, scope).get("probe")


def shadow(site: Site, number: int, *, differing: bool) -> None:
    run = {"outcome": "ok", "rows": 5}
    parts = [{"output": "number", "before": 41.5, "after": 42.5}] if differing else []
    told = Shadow.model_validate(
        {"current": run | {"version": "1.0.0"}, "new": run | {"version": "1.1.0"}, "differing": parts}
    )
    with site.context.metadata.above(Above.OPERATOR).session() as session:
        shadow_ran(session, boss(session, "own-plant", Role.ANALYST), number, told, NEW, NOW)


def test_from_the_offer_to_the_switch_and_back_by_who_may_and_for_this_tenant_alone(shop: Site) -> None:
    seen = page(shop, "insider", OWN)
    for words in ("货架上有新版本 1.1.0", "更准", "输入 状态："):
        assert words in seen, words
    assert '"act": "take"' in seen
    assert '"act": "take"' not in page(shop, "viewer", OWN)
    boxes = asked(shop, "take", "1.1.0")["upgrade-agreed"]["children"]
    assert [one["props"]["value"] for one in boxes] == ["input:state"]
    assert "状态" in boxes[0]["props"]["label"]
    assert say_yes(shop, "take", "input:state", to="1.1.0", who="viewer")[0] in {403, 404}
    assert say_yes(shop, "take", "input:state", to="1.1.0", path=THEIRS)[0] in {403, 404}
    assert "notice-bad" in say_yes(shop, "take", to="1.1.0")[1], "nothing was agreed to"
    assert "notice-good" in say_yes(shop, "take", "input:state", to="1.1.0")[1]
    (_, waiting), (_, theirs) = standing(shop), standing(shop, "canary-plant")
    assert waiting is not None
    assert theirs is None
    assert "试运行中" in page(shop, "insider", OWN)
    assert "试运行中" not in page(shop, "neighbour", THEIRS)
    shadow(shop, waiting.id, differing=True)
    seen = page(shop, "insider", OWN)
    assert "42.5" in seen
    assert '"act": "anyway"' in seen
    assert say_yes(shop, "anyway", of=waiting.id, who="neighbour", path=THEIRS)[1].count("notice-bad") == 1
    assert "notice-good" in say_yes(shop, "anyway", of=waiting.id)[1]
    taken, _ = standing(shop)
    assert (taken.version, len(taken.signals)) == ("1.1.0", 2)
    assert standing(shop, "canary-plant")[0].version == "1.0.0"
    assert '"act": "back"' in page(shop, "insider", OWN)
    assert "notice-bad" in say_yes(shop, "back", who="neighbour", path=THEIRS)[1]
    assert "notice-good" in say_yes(shop, "back")[1]
    back, _ = standing(shop)
    assert (back.version, len(back.signals)) == ("1.0.0", 1)
    assert "已退回" in page(shop, "insider", OWN)


def test_who_may_has_patches_come_by_themselves_and_an_unknown_wish_is_refused(shop: Site) -> None:
    assert "notice-good" in say_yes(shop, "follow")[1]
    assert (standing(shop)[0].follow, standing(shop, "canary-plant")[0].follow) == ("patches", "none")
    assert '"act": "unfollow"' in page(shop, "insider", OWN)
    say_yes(shop, "unfollow")
    assert standing(shop)[0].follow == "none"
    assert say_yes(shop, "explode")[0] == 400
    assert "notice-bad" in say_yes(shop, "take", to="9.9.9")[1]
    assert "notice-bad" in say_yes(shop, "stay", of=999)[1]


def test_what_is_asked_is_told_in_english_too(shop: Site) -> None:
    visitor = shop.new_visitor("insider")
    visitor.get("/language/en?next=/")
    body = shop.body(output_of(shop, "app-panels.children"), OWN)
    said = json.dumps(visitor.post(UPDATE, json=body, headers=ORIGIN).json, ensure_ascii=False)
    for words in (
        "Version 1.1.0 is on the shelf",
        "Input state:",
        "sharper",
        "You are asked for each version",
    ):
        assert words in said, words
