"""Headers, cookies and foreign posts, over every route that the server has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site
    from werkzeug.test import TestResponse

ORIGIN = {"Origin": "http://localhost"}
FOREIGN = {"Origin": "https://evil.example"}
PASSWORD = "tundish-test-2026"
READING = {"GET", "HEAD", "OPTIONS"}
# What a value in an address may be; most are answered by 404 then, with the same headers.
SAMPLES = {"tenant": "own-plant", "code": "en", "path": "plant/own-plant", "package_name": "dash",
           "fingerprinted_path": "dash_renderer/build/x.js"}  # fmt: skip
EVERYWHERE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
OF_PAGES = EVERYWHERE | {"Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": "same-origin"}
OF_API = EVERYWHERE | {"Referrer-Policy": "no-referrer"}


def asked(site: Site, login: str | None, headers: dict[str, str]) -> Iterator[tuple[str, str, TestResponse]]:
    """Each route with each of its methods, asked by somebody."""
    rules = sorted(site.dash.server.url_map.iter_rules(), key=lambda rule: rule.rule)
    for rule in rules:
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: SAMPLES.get(name[1], "1"), rule.rule)
        for method in sorted(rule.methods or ()):
            if path == "/logout" and headers == ORIGIN:
                continue
            client = site.visitor(login) if login else site.dash.server.test_client()
            yield method, path, client.open(path, method=method, headers=headers)


def sources(answer: TestResponse) -> dict[str, str]:
    """The directives of the content security policy."""
    policy = answer.headers["Content-Security-Policy"]
    return {name: allowed for name, _, allowed in (part.partition(" ") for part in policy.split("; "))}


@pytest.mark.parametrize("login", [None, "insider"])
def test_every_answer_carries_its_headers(site: Site, login: str | None) -> None:
    seen = 0
    for method, path, answer in asked(site, login, ORIGIN):
        seen += 1
        api = path.startswith("/api/")
        wanted = OF_API if api else OF_PAGES
        assert {name: answer.headers.get(name) for name in wanted} == wanted, (method, path)
        policy = sources(answer)
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'", path
        assert policy["form-action"] == ("'none'" if api else "'self'"), path
        assert "unsafe" not in policy.get("script-src", ""), path
        assert "*" not in answer.headers["Content-Security-Policy"], path
        assert api == ("script-src" not in policy), "the API serves no script"
        assert "Access-Control-Allow-Origin" not in answer.headers, path
        if not api and not path.startswith(("/assets/", "/_dash-component-suites/")):
            assert answer.headers["Cache-Control"] == "no-store", path
    assert seen > 150


def test_a_foreign_post_reaches_no_page(site: Site) -> None:
    """A browser sends the person's cookie with it; where it comes from is what tells it apart."""
    refused = [
        (method, path, answer.status_code)
        for method, path, answer in asked(site, "insider", FOREIGN)
        if method not in READING and not path.startswith("/api/")
    ]
    assert len(refused) > 5
    assert {status for *_, status in refused} == {403}
    assert site.visitor("insider").get("/_dash-layout").status_code == 200, "nobody was logged out by it"


def test_the_api_takes_no_cookie(site: Site) -> None:
    """So a foreign page that makes a browser ask can do nothing there."""
    open_doors = {"/api/v1/health", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/sessions",
                  "/api/v1/sessions/passkey", "/api/v1/sessions/passkey/options",
                  "/api/v1/invitations/accept", "/api/v1/document-key"}  # fmt: skip
    answers = {
        (method, path): answer.status_code
        for method, path, answer in asked(site, "insider", ORIGIN)
        if path.startswith("/api/")
        and path not in open_doors
        and method != "OPTIONS"
        # A document that its tenant gave away opens to whoever has the code; figures are published.
        and not path.startswith(("/api/v1/documents/", "/api/v1/figures"))
    }
    assert len(answers) > 100
    assert set(answers.values()) == {401}


@pytest.mark.parametrize("secure", [True, False])
def test_every_cookie_is_closed_to_scripts_and_other_sites(
    site: Site, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    monkeypatch.setitem(site.dash.server.config, "SESSION_COOKIE_SECURE", secure)
    client = site.dash.server.test_client()
    form = {"login": "insider", "password": PASSWORD}
    answers = [client.post("/login", data=form, headers=ORIGIN), client.get("/language/en")]
    answers += [answer for *_, answer in asked(site, None, ORIGIN)]
    set_ = [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in set_} >= {"tundish_session", "tundish_language"}
    for cookie in set_:
        told = {part.strip() for part in cookie.split(";")[1:]}
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= told, cookie
        assert ("Secure" in told) is secure, cookie
