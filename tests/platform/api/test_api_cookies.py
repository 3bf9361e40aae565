"""The pages' session cookie means nothing below the API, and goes on working on pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, session

from tundish_platform.api.application import Application

if TYPE_CHECKING:
    from conftest import World

NAME = "tundish_session"


def _app() -> Application:
    app = Application(__name__)
    app.secret_key = "for tests only"
    app.config["SESSION_COOKIE_NAME"] = NAME

    @app.get("/page")
    @app.get("/api/v1/read")
    def read() -> dict[str, object]:
        return dict(session)

    @app.get("/write")
    @app.get("/api/v1/write")
    def write() -> dict[str, object]:
        session["who"] = "li"
        return {}

    return app


def test_pages_keep_their_session() -> None:
    client = _app().test_client()
    assert client.get("/write").headers["Set-Cookie"].startswith(f"{NAME}=")
    assert client.get("/page").json == {"who": "li"}


def test_below_the_api_a_cookie_is_neither_read_nor_set() -> None:
    client = _app().test_client()
    client.get("/write")
    answer = client.get("/api/v1/read")
    assert answer.json == {}
    assert "Set-Cookie" not in answer.headers
    refused = client.get("/api/v1/write")
    assert refused.status_code == 500
    assert "Set-Cookie" not in refused.headers


def test_the_platform_is_such_an_application(world: World) -> None:
    assert isinstance(world.app, Flask)
    assert type(world.app) is Application
