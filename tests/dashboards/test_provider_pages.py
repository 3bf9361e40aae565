"""Log-in with an identity provider: a real OpenID provider on loopback, a browser, and our pages between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_platform.api.app import create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.audit import all_entries
from tundish_platform.marketplace import Catalogue
from tundish_platform.people.identities import link
from tundish_platform.people.models import Identity
from tundish_platform.people.settings import PeopleSettings
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_user
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tundish_platform.tenancy.metadata import Metadata

pytestmark = pytest.mark.integration

PROCESS = Path(__file__).with_name("oidc_provider.py")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(PROCESS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), "the provider did not start"
        yield f"http://localhost:{port}"
        process.kill()


class City:
    """A platform that trusts the provider, with one tenant and a person of its own."""

    def __init__(self, folder: Path, metadata: Metadata, issuer: str) -> None:
        self.metadata = metadata
        with self.metadata.session() as session:
            create_tenant(session, "steel", "钢厂", "Steel")
            self.owner = create_user(session, "owner", "王", "a long password", {"steel": [Role.OWNER]})
        provider = {
            "name": "city", "label_zh": "市统一身份", "label_en": "the city's identity", "issuer": issuer,
            "client_id": "tundish", "client_secret": "of-tundish", "roles_claim": "groups",
            "mapping": [
                {"value": "bureau", "role": "bureau_officer"},
                {"value": "steel-eyes", "role": "viewer", "tenant": "steel"},
            ],
        }  # fmt: skip
        self.people = PeopleSettings.model_validate({"origin": "http://localhost", "providers": [provider]})
        self.provider = self.people.providers[0]
        self.telemetry = Telemetry(folder / "store", self.metadata)
        context = PlatformContext(self.metadata, self.telemetry, Catalogue(), people=self.people)
        settings = DashboardSettings.model_validate({"secret_key": "k" * 40})
        self.server = attach_dashboards(create_app(context), context, settings).server

    def browser(self) -> FlaskClient:
        browser: FlaskClient = self.server.test_client()
        return browser

    def identities(self) -> dict[str, int]:
        with self.metadata.session() as session:
            return {row.subject: row.user_id for row in session.query(Identity)}


@pytest.fixture
def city(tmp_path: Path, sqlite_at: Callable[[Path], Metadata], issuer: str) -> Iterator[City]:
    one = City(tmp_path, sqlite_at(tmp_path / "metadata.db"), issuer)
    yield one
    one.telemetry.close()
    one.metadata.close()


def go(browser: FlaskClient, wish: str = "/") -> str:
    """To the provider; returns the address it is asked with."""
    answer = browser.get(f"/login/with/city?next={wish}")
    assert answer.status_code == 302
    return str(answer.location)


def agree(url: str, subject: str) -> str:
    """The person logs in there; returns the path that the provider sends the browser back to."""
    answer = httpx.post(url, data={"sub": subject}, trust_env=False)
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    assert (parts.netloc, parts.path) == ("localhost", "/login/back/city")
    return f"{parts.path}?{parts.query}"


def come(city: City, subject: str, browser: FlaskClient | None = None) -> TestResponse:
    browser = browser or city.browser()
    return browser.get(agree(go(browser), subject))


def test_the_provider_is_asked_with_state_nonce_and_pkce(city: City, issuer: str) -> None:
    assert "市统一身份" in city.browser().get("/login").text
    first, second = (parse_qs(urlsplit(go(city.browser())).query) for _ in range(2))
    assert go(city.browser()).startswith(f"{issuer}/oauth2/authorize?")
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == ["http://localhost/login/back/city"]
    assert city.browser().get("/login/with/other").status_code == 404


def test_a_linked_person_logs_in_and_keeps_the_own_roles(city: City) -> None:
    with city.metadata.session() as session:
        link(session, city.provider, "stranger-1", city.owner, utc_now())
    browser = city.browser()
    answer = browser.get(agree(go(browser, "/market/steel"), "stranger-1"))
    assert (answer.status_code, answer.location) == (302, "/market/steel")
    assert browser.get("/plant/steel").status_code == 200
    assert city.identities() == {"stranger-1": city.owner}
    with city.metadata.session() as session:
        logged_in = [entry for entry in all_entries(session) if entry.action == "person.logged_in"]
    assert [entry.detail for entry in logged_in] == ['{"by":"provider city"}']


def test_a_mail_address_links_nobody(city: City) -> None:
    # The stranger's claim "email" is the owner's log-in name.
    browser = city.browser()
    answer = come(city, "stranger-1", browser)
    assert answer.status_code == 401
    assert "没有与之关联的账户" in answer.text
    assert browser.get("/plant/steel").status_code == 302
    assert city.identities() == {}


def test_a_mapped_claim_makes_a_person_with_that_role_and_no_other(city: City) -> None:
    browser = city.browser()
    assert come(city, "officer-1", browser).status_code == 302
    assert browser.get("/").location == "/bureau"
    assert browser.get("/plant/steel").status_code == 404
    assert come(city, "officer-1").status_code == 302
    assert list(city.identities()) == ["officer-1"]


def test_who_comes_back_is_the_browser_that_went_once_and_with_its_own_state(city: City) -> None:
    browser, other = city.browser(), city.browser()
    path = agree(go(browser), "officer-1")
    go(other)
    assert other.get(path).status_code == 401, "a stranger's log-in slipped to another browser"
    assert city.browser().get(path).status_code == 401
    assert browser.get(path.replace("state=", "state=x")).status_code == 401
    assert browser.get(path).status_code == 401, "the cookie was good for one answer"
    path = agree(go(browser), "officer-1")
    assert browser.get(path).status_code == 302
    assert browser.get(path).status_code == 401
    go(browser)
    state = parse_qs(urlsplit(go(browser)).query)["state"][0]
    for more in ("", "&code=guess", "&code=guess&iss=http://evil.test"):
        assert browser.get(f"/login/back/city?state={state}{more}").status_code == 401


def test_a_code_is_worth_nothing_without_the_verifier_it_was_asked_with(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = city.browser()
    path = agree(go(browser), "officer-1")
    asked = "tundish_dashboards.providers.asked_with"
    from tundish_dashboards import providers  # noqa: PLC0415 - one use

    real = providers.asked_with
    monkeypatch.setattr(asked, lambda *given: {**real(*given), "verifier": "x" * 64})
    assert browser.get(path).status_code == 401
    assert city.identities() == {}
