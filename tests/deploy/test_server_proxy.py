"""Whose word on a request's origin a server believes: a real server on loopback, asked with the header."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from flask import Flask
from pydantic import ValidationError
from waitress import wasyncore
from waitress.server import create_server

from tundish_deploy.proxies import believed, believing
from tundish_deploy.settings import ServerSettings
from tundish_platform.api.addresses import caller_address

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration


@contextmanager
def serving(proxy: str | None) -> Iterator[str]:
    app, sockets, stopped = Flask(__name__), {}, threading.Event()
    app.add_url_rule("/", view_func=caller_address)
    server = create_server(
        believing(app, proxy), map=sockets, host="127.0.0.1", port=0, threads=1, **believed(proxy)
    )

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/"
    finally:
        stopped.set()
        thread.join(timeout=60)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(map=sockets)


@pytest.mark.parametrize(
    ("proxy", "seen"),
    [
        (None, "127.0.0.1"),
        ("192.0.2.1", "127.0.0.1"),
        ("192.0.2.0/24", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.9"),
        ("127.0.0.0/8", "198.51.100.9"),
    ],
)
def test_only_the_proxy_that_was_named_is_believed_and_only_its_own_word(
    proxy: str | None, seen: str
) -> None:
    """What stands first came from the client, who may write anything."""
    with serving(proxy) as url, httpx.Client(trust_env=False) as client:
        forwarded = {"X-Forwarded-For": "203.0.113.5, 198.51.100.9", "Forwarded": "for=203.0.113.6"}
        assert client.get(url, headers=forwarded).text == seen
        assert client.get(url).text == "127.0.0.1"


def test_what_is_no_address_is_not_believed_whoever_says_it() -> None:
    with serving("127.0.0.0/8") as url, httpx.Client(trust_env=False) as client:
        assert client.get(url, headers={"X-Forwarded-For": "198.51.100.9, unknown"}).text == "127.0.0.1"


def test_a_proxy_is_an_address_or_a_network() -> None:
    assert ServerSettings(proxy="127.0.0.1").proxy == "127.0.0.1"
    assert ServerSettings(proxy="10.244.0.0/16").proxy == "10.244.0.0/16"
    for wrong in ("*", "proxy.example", "", "10.244.0.1/16"):
        with pytest.raises(ValidationError):
            ServerSettings(proxy=wrong)
