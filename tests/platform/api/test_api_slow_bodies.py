"""Readers of a slow body: the server's threads stay free for others."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.sdk import Client

if TYPE_CHECKING:
    from conftest import World


@pytest.mark.integration
def test_bodies_that_never_end_hold_no_thread(world: World, served: str) -> None:
    place = urlsplit(served)
    head = (
        "POST /api/v1/tenants/steel/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {world.tokens['collector']}\r\n\r\n["
    )
    with ExitStack() as stack:
        # Twice as many as the server has threads.
        for _ in range(8):
            slow = stack.enter_context(socket.create_connection((place.hostname or "", place.port or 0)))
            slow.sendall(head.encode())
        with Client(served, world.tokens["viewer"], timeout=60) as client:
            assert client.me()["name"] == "viewer"


def test_tls_in_front_is_told_to_browsers(world: World) -> None:
    plain = world.app.test_client().get("/api/v1/health")
    assert "Strict-Transport-Security" not in plain.headers
    app = create_app(world.context, ApiSettings(behind_tls=True))
    secure = app.test_client().get("/api/v1/health")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=")
    assert secure.headers["Content-Security-Policy"].startswith("default-src 'none'")
