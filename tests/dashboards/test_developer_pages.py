"""The pages of publishers and of the operator: each sees its own versions, and only the operator decides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.publishing import (
    Act,
    PackageFolder,
    add_key,
    any_version,
    confirm_key,
    move,
    register,
    upload,
)
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.ratings.models import AppStars
from tundish_platform.sdk.package import package_of
from tundish_platform.sdk.signing import key_text, new_key, public_part, sign, text_of
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.metadata import insert_into
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from conftest import Site
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
MANIFEST = """
id = "{slug}-app"
version = "1.0.0"
entry = "tundish_app_probe.app:run"
publisher = "{mark} publisher"
problems = ["quality"]
schedule_s = 60
window_s = 600
name = {{ zh = "{mark}应用", en = "{mark} app" }}
description = {{ zh = "测试", en = "test" }}
data_use = {{ zh = "不使用", en = "none" }}
inputs = [{{ key = "any", semantic = "pressure.*", name = {{ zh = "压力", en = "pressure" }} }}]
outputs = [{{ key = "number", name = {{ zh = "数", en = "number" }} }}]
"""


@pytest.fixture(scope="module")
def sent(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """A version of each of the two enterprises, in review; the second one's key still waits."""
    folder = PackageFolder(tmp_path_factory.mktemp("apps"))
    return {
        slug: _send(site, folder, slug, mark)
        for slug, mark in (("own-plant", "OWN"), ("canary-plant", "CANARY"))
    }


def _send(site: Site, folder: PackageFolder, slug: str, mark: str) -> int:
    now, key, top = utc_now(), new_key(), "tundish_app_probe"
    text = key_text(slug, public_part(key))
    files = {f"{top}/__init__.py": b"", f"{top}/app.toml": MANIFEST.format(slug=slug, mark=mark).encode()}
    package = package_of(files)
    with site.context.metadata.above(Above.PACKAGES).session() as session:
        operator = job_principal(session, "test", Role.PLATFORM_OPERATOR)
        scope = access_tenant(job_principal(session, "dev", Role.OWNER), slug, Permission.PUBLISH)
        register(session, scope, f"{mark} publisher", now)
        made = add_key(session, scope, public_part(key), sign(key, text), None, now)
        confirm_key(session, operator, made.fingerprint, now)
        number = upload(session, scope, folder, package.data, sign(key, text_of(package)), now)
        found = [{"check": "texts", "problem": f"{mark}-FINDING"}]
        move(session, number, Act.PASS, "checks", now, report={"isolation": "bubblewrap", "findings": found})
    return number


def output_of(site: Site, first: str, *, last: bool = False) -> str:
    site.visitor("insider").get("/account")
    every = [one for one in site.dash.callback_map if one.lstrip(".").startswith(first)]
    return next(one for one in every if ("@" in one) is last)


def page(site: Site, who: str, path: str) -> str:
    answer = site.visitor(who).post(
        UPDATE, json=site.body(output_of(site, "page.children"), path), headers=ORIGIN
    )
    assert answer.status_code == 200
    return json.dumps(answer.json, ensure_ascii=False)


def decide(site: Site, client: FlaskClient, path: str, first: str, wish: object, reason: str) -> TestResponse:
    """Say yes in a dialog, whose wish and reason the browser may have made up."""
    body = site.body(output_of(site, f"{first}-dialog", last=True), path, 1)
    told: dict[str, Any] = {f"{first}-wish": wish, f"{first}-reason": reason}
    body["state"] = [
        {**part, "value": told.get(part["id"], path)} if isinstance(part, dict) else part
        for part in body["state"]
    ]
    return client.post(UPDATE, json=body, headers=ORIGIN)


@pytest.mark.usefixtures("sent")
def test_a_publisher_sees_its_own_versions_with_their_reports_and_no_others(site: Site) -> None:
    seen = page(site, "insider", "/developer/own-plant")
    assert "OWN-FINDING" in seen
    assert "OWN publisher" in seen
    assert "CANARY" not in seen
    assert "not-found" in page(site, "insider", "/developer/canary-plant")
    assert "not-found" in page(site, "viewer", "/developer/own-plant")


@pytest.mark.usefixtures("sent")
def test_only_the_operator_finds_the_review_and_sees_what_everybody_sent(site: Site) -> None:
    seen = page(site, "operator", "/review")
    assert "OWN-FINDING" in seen
    assert "CANARY-FINDING" in seen
    for who in ("insider", "viewer", "bureau"):
        assert "not-found" in page(site, who, "/review"), who


def test_only_the_operator_decides_and_a_foreign_version_is_not_taken_back(
    site: Site, sent: dict[str, int]
) -> None:
    def state(slug: str) -> str:
        with site.context.metadata.above(Above.PACKAGES).session() as session:
            return any_version(session, sent[slug]).state

    approve = {"act": "approve", "of": str(sent["canary-plant"])}
    for who in ("insider", "neighbour", "bureau"):
        answer = decide(site, site.visitor(who), "/review", "review", approve, "")
        assert answer.status_code == 404, who
    foreign = sent["canary-plant"]
    answer = decide(site, site.visitor("insider"), "/developer/own-plant", "developer", foreign, "mine")
    assert answer.status_code == 200
    assert state("canary-plant") == "in_review"
    assert decide(site, site.visitor("operator"), "/review", "review", approve, "").status_code == 200
    assert state("canary-plant") == "approved"
    own = decide(site, site.visitor("insider"), "/developer/own-plant", "developer", sent["own-plant"], "old")
    assert own.status_code == 200
    assert state("own-plant") == "withdrawn"


def _stars(site: Site, text: str) -> int:
    with site.context.metadata.above(Above.RATINGS).session() as session:
        tenant = access_tenant(job_principal(session, "rater", Role.OWNER), "canary-plant", Permission.READ)
        statement = insert_into(session, AppStars).values(
            tenant_id=tenant.tenant_id, app_id=f"about-{text}", app_version="1.0.0", stars=2, text=text,
            said_at=utc_now(), said_by="x",
        )  # fmt: skip
        number = session.scalar(statement.returning(AppStars.id))
    assert number is not None
    return number


def test_the_operator_hides_what_somebody_says_for_a_reason_and_shows_it_again(site: Site) -> None:
    number = _stars(site, "RUDE")
    operator = site.visitor("operator")

    def hidden() -> str | None:
        with site.context.metadata.above(Above.RATINGS).session() as session:
            row = session.get(AppStars, number)
            assert row is not None
            return row.hidden_because

    def asked(act: str, reason: str) -> str:
        answer = decide(site, operator, "/review", "review", {"act": act, "of": str(number)}, reason)
        assert answer.status_code == 200
        return json.dumps(answer.json, ensure_ascii=False)

    assert "RUDE" in page(site, "operator", "/review")
    wish = {"act": "hide", "of": str(number)}
    for who in ("insider", "neighbour", "bureau"):
        assert decide(site, site.visitor(who), "/review", "review", wish, "mine").status_code == 404, who
    assert "请写明隐藏的理由" in asked("hide", "  ")
    assert hidden() is None
    assert "已隐藏" in asked("hide", " names a person ")
    assert hidden() == "names a person"
    assert "names a person" in page(site, "operator", "/review")
    assert "已恢复显示" in asked("show", "")
    assert hidden() is None
    gone = decide(site, operator, "/review", "review", {"act": "hide", "of": "999999"}, "r")
    assert "该评价已不存在" in json.dumps(gone.json, ensure_ascii=False)


@pytest.mark.usefixtures("sent")
def test_a_publisher_sees_how_many_plants_run_a_version_and_none_by_name_or_below_five(site: Site) -> None:
    now, app = utc_now(), "own-plant-app"
    with site.context.metadata.above(Above.OPERATOR).session() as session:
        for number in range(7):
            tenant = create_tenant(session, f"spread-{number}", f"甲厂{number}", f"SPREAD-{number}").id
            version = "2.3.4" if number < 5 else "1.9.9"
            held = insert_into(session, Subscription).values(
                tenant_id=tenant, app_id=app, app_version=version, plan="free", plan_kind="free", fen=0,
                schedule_s=60.0, window_s=60.0, parameters={}, started_at=now, started_by="x",
            )  # fmt: skip
            made = session.scalar(held.returning(Subscription.id))
            session.add(
                AppUpgrade(
                    tenant_id=tenant, subscription_id=made, app_id=app, from_version="1.0.0",
                    to_version=version, state="taken", automatic=False, asked_by="x", asked_at=now, agreed=[],
                    signals=[], fresh=[], inputs=None, tries=1, try_at=now, reason="",
                )
            )  # fmt: skip
    seen = page(site, "insider", "/developer/own-plant")
    table = seen[seen.index('"id": "developer-spread"') - 6_000 : seen.index('"id": "developer-spread"')]
    rows = table[table.index("2.3.4") :]
    assert rows.index('"5"') < rows.index("1.9.9"), "five plants are told"
    assert rows[rows.index("1.9.9") :].count("少于 5") == 2, "two plants and their upgrades are not"
    assert '"2"' not in rows
    assert "spread-" not in seen
    assert "SPREAD" not in seen
    assert "甲厂" not in seen
