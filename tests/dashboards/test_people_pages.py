"""Second factor and invitations at the log-in pages, as a browser goes through them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp
import pytest
from cryptography.fernet import Fernet

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_platform.api import rates
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.rates import Rate, RateLimits, Rates
from tundish_platform.marketplace import Catalogue
from tundish_platform.people.factors import confirm, enrol
from tundish_platform.people.grants import HeldRole
from tundish_platform.people.invitations import invite
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_user, principal_of_user
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from tundish_platform.tenancy.metadata import Metadata

PASSWORD = "tundish-test-2026"
ORIGIN = {"Origin": "http://localhost"}
VIEWER = HeldRole(role=Role.VIEWER)


class Door:
    """A server with one tenant, its owner, and browsers before it."""

    def __init__(self, folder: Path, metadata: Metadata) -> None:
        self.metadata = metadata
        with self.metadata.session() as session:
            create_tenant(session, "steel", "钢厂", "Steel")
            self.owner = create_user(session, "owner", "王", PASSWORD, {"steel": [Role.OWNER]})
        self.people = PeopleSettings.model_validate({"key": Fernet.generate_key().decode()})
        self.telemetry = Telemetry(folder / "store", self.metadata)
        context = PlatformContext(self.metadata, self.telemetry, Catalogue(), people=self.people)
        settings = DashboardSettings.model_validate({"secret_key": "k" * 40})
        self.server = attach_dashboards(create_app(context), context, settings).server

    def browser(self) -> FlaskClient:
        browser: FlaskClient = self.server.test_client()
        return browser

    def invite(self, login: str) -> str:
        with self.metadata.session() as session:
            scope = access_tenant(principal_of_user(session, self.owner), "steel", Permission.MANAGE)
            return invite(session, scope, login, [VIEWER], utc_now())[1]


@pytest.fixture
def door(tmp_path: Path, sqlite_at: Callable[[Path], Metadata]) -> Iterator[Door]:
    one = Door(tmp_path, sqlite_at(tmp_path / "metadata.db"))
    yield one
    one.telemetry.close()
    one.metadata.close()


def post(browser: FlaskClient, path: str, **form: str) -> tuple[int, str]:
    answer = browser.post(path, data=form, headers=ORIGIN)
    return answer.status_code, answer.location or ""


def test_who_has_a_second_factor_is_let_in_after_the_code_and_not_before(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    with door.metadata.session() as session:
        totp = pyotp.TOTP(enrol(session, door.people, door.owner, now).secret)
        codes = confirm(session, door.people, door.owner, totp.at(now), now)
    later = now + timedelta(minutes=1)
    monkeypatch.setattr("tundish_dashboards.sessions.utc_now", lambda: later)
    browser = door.browser()
    assert browser.get("/login/code").location == "/login"
    wish = {"login": "owner", "password": PASSWORD, "next": "/market/steel"}
    assert post(browser, "/login", **wish) == (303, "/login/code?next=/market/steel")
    assert "动态验证码" in browser.get("/login/code?next=/market/steel").text
    assert browser.get("/plant/steel").location == "/login?next=/plant/steel"
    assert post(browser, "/login/code", code="000000x")[0] == 401
    assert browser.get("/plant/steel").status_code == 302
    for used in (totp.at(now), ""):
        assert post(browser, "/login/code", code=used)[0] == 401
    assert post(browser, "/login/code", code=totp.at(later), next="/market/steel") == (303, "/market/steel")
    assert browser.get("/plant/steel").status_code == 200
    other = door.browser()
    post(other, "/login", login="owner", password=PASSWORD)
    later += timedelta(seconds=600)
    assert post(other, "/login/code", code=codes[0]) == (303, "/login")
    post(other, "/login", login="owner", password=PASSWORD)
    assert post(other, "/login/code", code=codes[0]) == (303, "/")


def test_a_new_person_comes_in_with_an_invitation_and_is_logged_in(door: Door) -> None:
    path = f"/invitation/{door.invite('li@steel')}"
    browser = door.browser()
    page = browser.get(path, headers={"Accept-Language": "en"}).text
    assert "王 invites you to Steel." in page
    assert "li@steel" in page
    assert browser.post(path, data={"name": "李", "password": PASSWORD}).status_code == 403
    assert post(browser, path, name="李", password="short")[0] == 422
    assert post(browser, path, name="", password=PASSWORD)[0] == 422
    assert post(browser, path, name="李", password=PASSWORD) == (303, "/")
    assert browser.get("/plant/steel").status_code == 200
    assert door.browser().get(path).status_code == 404
    assert post(door.browser(), "/login", login="li@steel", password=PASSWORD) == (303, "/")


def test_a_person_with_an_account_logs_in_and_accepts(door: Door) -> None:
    with door.metadata.session() as session:
        create_user(session, "li", "李", PASSWORD)
    path = f"/invitation/{door.invite('li')}"
    browser = door.browser()
    page = browser.get(path).text
    assert "已有账户" in page
    assert 'name="password"' not in page
    assert post(browser, "/login", login="li", password=PASSWORD, next=path) == (303, path)
    assert "以 李 的身份接受" in browser.get(path).text
    assert post(browser, path) == (303, "/")
    assert browser.get("/plant/steel").status_code == 200


def test_a_token_nobody_made_tells_nothing(door: Door) -> None:
    answer = door.browser().get("/invitation/tni_guess")
    assert answer.status_code == 404
    assert "Steel" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_address_that_knocks_too_often_reads_that_it_has_to_wait(door: Door) -> None:
    door.server.extensions[rates.EXTENSION] = Rates(RateLimits(door=Rate(0.1, 3)), lambda: 0.0)
    browser = door.browser()
    tried = [post(browser, "/login", login="owner", password="wrong password")[0] for _ in range(4)]
    assert tried == [401, 401, 401, 429]
    for path in ("/login/code", "/invitation/x"):
        refused = browser.post(path, headers=ORIGIN)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10"), path
    assert "请求过于频繁" in refused.text
    assert browser.get("/login").status_code == 200
    api = browser.post("/api/v1/sessions", json={"login": "owner", "password": PASSWORD})
    assert api.status_code == 429, "the API's door is the same one"
    other = {"REMOTE_ADDR": "192.0.2.8"}
    form = {"login": "owner", "password": PASSWORD}
    assert browser.post("/login", data=form, headers=ORIGIN, environ_base=other).status_code == 303
