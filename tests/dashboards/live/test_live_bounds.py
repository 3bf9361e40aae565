"""What streams may take, what slow readers get, and what failures of one leave alone."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from tundish_dashboards.live import feed
from tundish_dashboards.live.hub import Hub
from tundish_platform.store.remote.errors import WriterAway

if TYPE_CHECKING:
    import pytest
    from conftest import Live


def test_places_are_bounded_and_given_back(live: Live) -> None:
    live.hub.limits = replace(live.quick, of_person=2, of_tenant=3, most=4)
    first = [live.open().until(lambda reader: reader.rows()) for _ in range(2)]
    refused = live.open()
    assert refused.status() == 429, "of the person"
    assert b"Retry-After: 30" in refused.raw
    live.open("viewer").until(lambda reader: reader.rows())
    assert live.open("shift").status() == 429, "of the tenant"
    live.open("neighbour", "canary-plant").until(lambda reader: reader.rows())
    assert live.open("neighbour", "canary-plant").status() == 429, "of the process"
    first[0].connection.close()
    live.ended("left")
    assert live.open().until(lambda reader: reader.rows()).status() == 200


def test_who_comes_at_once_finds_no_more_places_than_there_are(live: Live) -> None:
    """The door lets in by a look at what is there; what is taken is decided when it is taken."""
    live.hub.limits = replace(live.quick, of_person=2)
    pairs = [socket.socketpair() for _ in range(5)]
    page = live.open().until(lambda reader: reader.rows())
    (one,) = live.hub._viewers
    for ours, _ in pairs:
        ours.setblocking(False)  # noqa: FBT003 - Python's own
        live.hub.take(ours, b"", chunked=False, wish=one.wish, view=one.view)
    live.ended("full", 4)
    told = []
    for _, theirs in pairs:
        theirs.settimeout(5)
        told.append(theirs.recv(100_000))
        theirs.close()
    assert sum(b"event: full" in one for one in told) == 4
    assert page.status() == 200


def test_a_reader_that_does_not_read_is_dropped_and_others_go_on(live: Live) -> None:
    slow = live.open(size=2_048)
    slow.until(lambda reader: reader.rows())
    quick = live.open().until(lambda reader: reader.rows())
    end, step = time.monotonic() + live.patience_s * 2, 0
    while not live.hub.ended["slow"]:
        assert time.monotonic() < end, "never dropped"
        for viewer in list(live.hub._viewers):
            viewer.facts = b""
            viewer.upto = 0
        live.send("own-plant", 2_000 + (step := step + 1))
        quick.until(live.shows(f"{2_000 + step:,} bar"))
    assert live.hub.ended["slow"] == 1
    assert len(live.hub) == 1


def test_what_waits_for_a_reader_is_the_newest_only(live: Live) -> None:
    live.hub.limits = replace(live.quick, slow_s=60.0)
    page = live.open().until(lambda reader: reader.rows())
    (viewer,) = live.hub._viewers
    flush, viewer.flush = viewer.flush, lambda _now: True
    for step in range(10):
        live.send("own-plant", 8_000 + step)
        time.sleep(0.05)
    viewer.flush = flush
    page.until(live.shows("8,009 bar"))
    seen = [row["value"] for name, data in page.events() if name == "news" for row in data["rows"]]
    assert sum(value.startswith("8,00") for value in seen) <= 2, "the one on its way, and the newest"


def test_one_look_serves_all_pages(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry, looks = live.site.context.telemetry, []
    latest = type(telemetry).latest
    monkeypatch.setattr(
        type(telemetry),
        "latest",
        lambda self, scope, ids=None: looks.append(scope) or latest(self, scope, ids),
    )
    live.hub.limits = replace(live.quick, of_person=50, look_s=0.1)
    pages = [live.open().until(lambda reader: reader.rows()) for _ in range(12)]
    looks.clear()
    began = time.monotonic()
    time.sleep(1.5)
    most = (time.monotonic() - began) / 0.1 + 2
    assert 3 <= len(looks) <= most, "as many as looks, not as pages"
    live.send("own-plant", 5_555.0)
    for page in pages:
        page.until(live.shows("5,555 bar"))


def test_a_store_that_does_not_answer_gives_no_sign_of_life(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = live.open().until(lambda reader: reader.rows())
    telemetry = live.site.context.telemetry

    def away(*_: object) -> None:
        raise WriterAway("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(telemetry), "latest", away)
        time.sleep(0.3)
        page._read()
        count = len(page.events())
        time.sleep(1.0)
        page._read()
        assert len(page.events()) == count, "a page that is told nothing must not look alive"
    live.send("own-plant", 6_666.0)
    page.until(live.shows("6,666 bar"))


def test_a_failure_in_one_plant_leaves_the_other_alone(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    own, canary = live.open(), live.open("neighbour", "canary-plant")
    own.until(lambda reader: reader.rows())
    canary.until(lambda reader: reader.rows())
    judge = feed.judge

    def fails(signals: list[Any], *rest: object) -> object:
        if any(live.pressure["own-plant"] == signal.path for signal in signals):
            raise ValueError("broken")
        return judge(signals, *rest)

    monkeypatch.setattr(feed, "judge", fails)
    live.send("own-plant", 1_111.0)
    live.send("canary-plant", 7_777.0)
    canary.until(live.shows("7,777 bar", "canary-plant"))
    assert b"1,111" not in own.raw
    monkeypatch.undo()
    own.until(live.shows("1,111 bar"))


def test_an_old_client_gets_it_without_chunks(live: Live) -> None:
    page = live.open(version="1.0")
    page.until(lambda reader: b"event: news\ndata: {" in reader.raw)
    head, _, body = page.raw.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body.startswith(b": tundish\n\nevent: news")


def test_what_is_sent_behind_the_request_is_not_answered(live: Live) -> None:
    head = f"GET /live/own-plant?line={live.lines['own-plant']} HTTP/1.1\r\nHost: x\r\n"
    asked = f"{head}Cookie: tundish_session={live.cookie('insider')}\r\n\r\n"
    for _ in range(10):
        connection = socket.create_connection(("127.0.0.1", live.port))
        live.readers.append(page := live.reader(connection))
        connection.sendall(asked.encode() + b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
        page.until(lambda reader: reader.rows())
        assert page.raw.count(b"HTTP/1.1") == 1
        connection.close()


def test_pages_with_a_stream_take_no_thread_of_the_pool(live: Live) -> None:
    """The server of these tests has two threads."""
    live.hub.limits = replace(live.quick, of_person=50)
    pages = [live.open() for _ in range(10)]
    for page in pages:
        page.until(lambda reader: reader.rows())
    answer = httpx.get(f"http://127.0.0.1:{live.port}/login", timeout=10, trust_env=False)
    assert answer.status_code == 200
    assert sum(thread.name == "live" for thread in threading.enumerate()) == 1


def test_a_server_that_stops_ends_all_and_takes_no_more(live: Live) -> None:
    live.open().until(lambda reader: reader.rows())
    (one,) = live.hub._viewers
    hub = Hub(live.quick)
    pairs = [socket.socketpair() for _ in range(3)]
    for ours, _ in pairs[:2]:
        hub.take(ours, b"", chunked=False, wish=one.wish, view=one.view)
    ends = [live.reader(theirs) for _, theirs in pairs]
    for end in ends[:2]:
        end.until(lambda reader: b"event: news" in reader.raw)
    hub.close()
    hub.take(pairs[2][0], b"", chunked=False, wish=one.wish, view=one.view)
    for end in ends:
        end.until_closed().connection.close()
    assert hub.ended == {"stopped": 3}


def test_a_thread_that_fails_is_followed_by_another(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    page = live.open().until(lambda reader: reader.rows())

    def fails(*_: object) -> None:
        raise ValueError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(feed.Feed, "news", fails)
        page.until_closed()
        live.ended("failed")
    live.open().until(lambda reader: reader.rows())
