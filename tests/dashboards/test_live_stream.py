"""The stream of open pages over real sockets: news at once, nobody else's, bounded, over when a right is."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pytest
from waitress import wasyncore
from waitress.server import create_server

from tundish_dashboards.live import door, feed
from tundish_dashboards.live.handover import HandingChannel
from tundish_dashboards.live.hub import Hub
from tundish_dashboards.live.limits import LiveLimits
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_user, grant_role, job_principal, revoke_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Site
    from flask import Flask

PASSWORD = "tundish-test-2026"
QUICK = LiveLimits(look_s=0.02, recheck_s=0.1, alive_s=0.2, slow_s=1.0)
LINES = {"own-plant": "OWN-Site/Shop/L1", "canary-plant": "CANARY-Site/Shop/L1"}
PRESSURE = {slug: f"{line}/M1/C1/V1" for slug, line in LINES.items()}
PATIENCE_S = 20.0
_seconds = iter(range(1, 100_000))


class Reader:
    """A page's end of a stream; reads on while it is asked."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.raw = b""
        connection.settimeout(0.05)

    def status(self) -> int:
        self._until(lambda: b"\r\n\r\n" in self.raw)
        return int(self.raw.split(b" ", 2)[1])

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What has come; the frames of chunks are looked through."""
        body = self.raw.partition(b"\r\n\r\n")[2]
        text, at = b"", 0
        while (end := body.find(b"\r\n", at)) >= 0:
            length = int(body[at:end], 16)
            text += body[end + 2 : end + 2 + length]
            at = end + 4 + length
        found = []
        for block in text.decode().split("\n\n")[:-1]:
            if block.startswith("event: "):
                name, data = block.split("\n")
                found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        return found

    def rows(self) -> dict[str, dict[str, Any]]:
        """The newest row of each signal."""
        return {row["id"]: row for name, data in self.events() if name == "news" for row in data["rows"]}

    def _read(self) -> bool:
        try:
            part = self.connection.recv(65_536)
        except TimeoutError:
            return True
        except ConnectionError:
            return False
        self.raw += part
        return bool(part)

    def _until(self, there: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not there():
            assert time.monotonic() < end, self.raw[-2_000:]
            if not self._read():
                assert there(), self.raw[-2_000:]

    def until(self, there: Callable[[Reader], object]) -> Reader:
        self._until(lambda: there(self))
        return self

    def until_closed(self) -> Reader:
        end = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < end, "still open"
        return self


@dataclass
class Live:
    """The pages' server on a port of its own, with quick streams."""

    site: Site
    app: Flask
    port: int
    readers: list[Reader] = field(default_factory=list)

    @property
    def hub(self) -> Hub:
        return self.app.extensions[door.EXTENSION]

    def cookie(self, login: str, *, anew: bool = False) -> str:
        client = self.site.new_visitor(login) if anew else self.site.visitor(login)
        return client.get_cookie("tundish_session").value

    def open(
        self, login: str = "insider", tenant: str = "own-plant", query: str | None = None,
        *, cookie: str | None = None, version: str = "1.1", size: int | None = None, method: str = "GET",
    ) -> Reader:  # fmt: skip
        connection = socket.socket()
        if size is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        connection.connect(("127.0.0.1", self.port))
        asked = f"line={LINES.get(tenant, 'x')}" if query is None else query
        secret = self.cookie(login) if cookie is None else cookie
        head = (
            f"{method} /live/{tenant}?{asked} HTTP/{version}\r\nHost: x\r\n"
            f"Accept-Language: en\r\nCookie: tundish_session={secret}\r\n\r\n"
        )
        connection.sendall(head.encode())
        self.readers.append(Reader(connection))
        return self.readers[-1]

    def send(self, tenant: str, value: float, status: int = 0) -> None:
        """A new pressure."""
        context, path = self.site.context, PRESSURE[tenant]
        with context.metadata.session() as session:
            scope = access_tenant(job_principal(session, "c", Role.COLLECTOR), tenant, Permission.INGEST)
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(milliseconds=next(_seconds))
        schema = SCHEMAS[SampleKind.NUMERIC]
        columns = [[self.site.signals[tenant][path]], [at], [value], [status]]
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        context.telemetry.append(scope, [SampleBatch(SampleKind.NUMERIC, table, at)])

    def number(self, tenant: str) -> str:
        return str(self.site.signals[tenant][PRESSURE[tenant]])

    def ended(self, reason: str, count: int = 1) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.hub.ended[reason] < count:
            assert time.monotonic() < end, self.hub.ended
            time.sleep(0.02)


@pytest.fixture
def live(site: Site) -> Iterator[Live]:
    app = site.dash.server
    before = app.extensions[door.EXTENSION]
    before.limits = QUICK
    before.ended.clear()
    sockets: dict[int, object] = {}
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, threads=2, channel_request_lookahead=1)
    server.channel_class = HandingChannel
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    one = Live(site, app, int(server.effective_port))
    yield one
    for reader in one.readers:
        reader.connection.close()
    end = time.monotonic() + PATIENCE_S
    while len(one.hub):
        assert time.monotonic() < end, "a page that left is still told news"
        time.sleep(0.02)
    stopped.set()
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    wasyncore.close_all(map=sockets)


def shows(value: str, number: str) -> Callable[[Reader], bool]:
    return lambda reader: value in reader.rows().get(number, {}).get("value", "")


def test_it_begins_with_all_there_is_and_goes_on_with_what_changes(live: Live) -> None:
    number = live.number("own-plant")
    live.send("own-plant", 5.25)
    page = live.open().until(shows("5.250 bar", number))
    assert page.status() == 200
    first = page.rows()
    assert len(first) == 2, "the pressure and the state"
    assert first[number]["status"] == "Good"
    assert {"value", "status", "reason", "level", "ts", "arrival", "note"} <= first[number].keys()
    facts = page.events()[0][1]["line"]
    assert facts.keys() == {"clock", "behind", "ago", "arrival", "good", "counts"}
    count = len(page.events())
    live.send("own-plant", 6.25, 0x808C0000)
    page.until(shows("6.250 bar", number))
    news = [data for name, data in page.events()[count:] if name == "news" and data["rows"]]
    assert [row["id"] for row in news[-1]["rows"]] == [number], "only what changed"
    assert news[-1]["rows"][0]["level"] == 2
    assert "0x808C0000" in news[-1]["rows"][0]["status"]


def test_two_plants_never_cross(live: Live) -> None:
    own, canary = live.open(), live.open("neighbour", "canary-plant")
    numbers = {slug: live.number(slug) for slug in LINES}
    for step in range(20):
        live.send("own-plant", 1_000 + step)
        live.send("canary-plant", 7_000 + step)
    own.until(shows("1,019 bar", numbers["own-plant"]))
    canary.until(shows("7,019 bar", numbers["canary-plant"]))
    assert b"CANARY" not in own.raw
    assert b"7,0" not in own.raw
    assert b"OWN" not in canary.raw
    assert own.rows().keys() == {str(n) for n in live.site.signals["own-plant"].values()}


@pytest.mark.parametrize(
    "query", ["signals={}", "line=CANARY-Site/Shop/L1", "signals={}&line=OWN-Site/Shop/L1"]
)
def test_signals_of_others_are_none_here(live: Live, query: str) -> None:
    foreign = live.site.signals["canary-plant"].values()
    mine = {str(n) for n in live.site.signals["own-plant"].values()}
    page = live.open(query=query.format(",".join(map(str, foreign))))
    page.until(lambda reader: any(name == "alive" for name, _ in reader.events()))
    live.send("canary-plant", 9_001.0)
    count = len(page.events())
    page.until(lambda reader: len(reader.events()) > count + 1)
    # Numbers are a tenant's own: the same one may stand for a signal of each.
    assert page.rows().keys() <= mine
    assert b"CANARY" not in page.raw
    assert b"9,001" not in page.raw


@pytest.mark.parametrize("login", ["insider", "viewer", "bureau"])
def test_a_foreign_plant_and_none_look_alike(live: Live, login: str) -> None:
    assert {live.open(login, slug, "line=x").status() for slug in ("canary-plant", "never-there")} == {404}
    assert len(live.hub) == 0


def test_nobody_gets_one_without_a_session(live: Live) -> None:
    assert live.open(cookie="").status() == 401


@pytest.mark.parametrize("query", ["", "signals=x", "signals=1;2", "line=" + "x" * 500])
def test_a_wish_that_is_none_is_refused(live: Live, query: str) -> None:
    assert live.open(query=query).status() == 400


def test_without_a_server_that_lets_go_it_says_so(live: Live) -> None:
    answer = live.site.visitor("insider").get(f"/live/own-plant?line={LINES['own-plant']}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert live.open(method="HEAD").status() == 503


def test_signing_out_ends_it(live: Live) -> None:
    client = live.site.new_visitor("insider")
    page = live.open(cookie=client.get_cookie("tundish_session").value)
    page.until(lambda reader: reader.rows())
    client.post("/logout", headers={"Origin": "http://localhost"})
    page.until_closed()
    assert page.events()[-1][0] == "ended"
    live.ended("ended")
    live.send("own-plant", 4_444.0)
    assert not page._read()
    assert b"4,444" not in page.raw


def test_a_right_that_is_taken_ends_it(live: Live) -> None:
    metadata = live.site.context.metadata
    with metadata.session() as session:
        leaver = create_user(session, "leaver", "Lea Ver", PASSWORD, {"own-plant": [Role.VIEWER]})
    page = live.open("leaver").until(lambda reader: reader.rows())
    with metadata.session() as session:
        revoke_role(session, leaver, Role.VIEWER, "own-plant")
    page.until_closed()
    assert page.events()[-1][0] == "ended"
    with metadata.session() as session:
        grant_role(session, leaver, Role.VIEWER, "own-plant")
    assert live.open("leaver").until(lambda reader: reader.rows()).status() == 200


def test_whoever_sees_one_place_gets_only_what_lies_there(live: Live) -> None:
    metadata = live.site.context.metadata
    with metadata.session() as session:
        elsewhere = create_user(session, "elsewhere", "Else Where", PASSWORD)
        grant_role(session, elsewhere, Role.SHIFT_OPERATOR, "own-plant", "OWN-Site/Shop/L2")
    whole = live.open().until(lambda reader: reader.rows())
    part = live.open("elsewhere")
    part.until(lambda reader: sum(name == "alive" for name, _ in reader.events()) > 1)
    live.send("own-plant", 3_333.0)
    whole.until(shows("3,333 bar", live.number("own-plant")))
    assert part.rows() == {}
    assert b"3,333" not in part.raw


def test_places_are_bounded_and_given_back(live: Live) -> None:
    live.hub.limits = replace(QUICK, of_person=2, of_tenant=3, most=4)
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
    live.hub.limits = replace(QUICK, of_person=2)
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
    end, step = time.monotonic() + PATIENCE_S * 2, 0
    while not live.hub.ended["slow"]:
        assert time.monotonic() < end, "never dropped"
        for viewer in list(live.hub._viewers):
            viewer.facts = b""
            viewer.upto = 0
        live.send("own-plant", 2_000 + (step := step + 1))
        quick.until(shows(f"{2_000 + step:,} bar", live.number("own-plant")))
    assert live.hub.ended["slow"] == 1
    assert len(live.hub) == 1


def test_what_waits_for_a_reader_is_the_newest_only(live: Live) -> None:
    live.hub.limits = replace(QUICK, slow_s=60.0)
    page = live.open().until(lambda reader: reader.rows())
    (viewer,) = live.hub._viewers
    flush, viewer.flush = viewer.flush, lambda _now: True
    for step in range(10):
        live.send("own-plant", 8_000 + step)
        time.sleep(0.05)
    viewer.flush = flush
    page.until(shows("8,009 bar", live.number("own-plant")))
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
    live.hub.limits = replace(QUICK, of_person=50, look_s=0.1)
    pages = [live.open().until(lambda reader: reader.rows()) for _ in range(12)]
    looks.clear()
    began = time.monotonic()
    time.sleep(1.5)
    most = (time.monotonic() - began) / 0.1 + 2
    assert 3 <= len(looks) <= most, "as many as looks, not as pages"
    live.send("own-plant", 5_555.0)
    for page in pages:
        page.until(shows("5,555 bar", live.number("own-plant")))


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
    page.until(shows("6,666 bar", live.number("own-plant")))


def test_a_failure_in_one_plant_leaves_the_other_alone(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    own, canary = live.open(), live.open("neighbour", "canary-plant")
    own.until(lambda reader: reader.rows())
    canary.until(lambda reader: reader.rows())
    judge = feed.judge

    def fails(signals: list[Any], *rest: object) -> object:
        if any(PRESSURE["own-plant"] == signal.path for signal in signals):
            raise ValueError("broken")
        return judge(signals, *rest)

    monkeypatch.setattr(feed, "judge", fails)
    live.send("own-plant", 1_111.0)
    live.send("canary-plant", 7_777.0)
    canary.until(shows("7,777 bar", live.number("canary-plant")))
    assert b"1,111" not in own.raw
    monkeypatch.undo()
    own.until(shows("1,111 bar", live.number("own-plant")))


def test_an_old_client_gets_it_without_chunks(live: Live) -> None:
    page = live.open(version="1.0")
    page.until(lambda reader: b"event: news\ndata: {" in reader.raw)
    head, _, body = page.raw.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert body.startswith(b": tundish\n\nevent: news")


def test_what_is_sent_behind_the_request_is_not_answered(live: Live) -> None:
    head = f"GET /live/own-plant?line={LINES['own-plant']} HTTP/1.1\r\nHost: x\r\n"
    asked = f"{head}Cookie: tundish_session={live.cookie('insider')}\r\n\r\n"
    for _ in range(10):
        connection = socket.create_connection(("127.0.0.1", live.port))
        live.readers.append(page := Reader(connection))
        connection.sendall(asked.encode() + b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
        page.until(lambda reader: reader.rows())
        assert page.raw.count(b"HTTP/1.1") == 1
        connection.close()


def test_pages_with_a_stream_take_no_thread_of_the_pool(live: Live) -> None:
    """The server of these tests has two threads."""
    live.hub.limits = replace(QUICK, of_person=50)
    pages = [live.open() for _ in range(10)]
    for page in pages:
        page.until(lambda reader: reader.rows())
    answer = httpx.get(f"http://127.0.0.1:{live.port}/login", timeout=10, trust_env=False)
    assert answer.status_code == 200
    assert sum(thread.name == "live" for thread in threading.enumerate()) == 1


def test_a_server_that_stops_ends_all_and_takes_no_more(live: Live) -> None:
    live.open().until(lambda reader: reader.rows())
    (one,) = live.hub._viewers
    hub = Hub(QUICK)
    pairs = [socket.socketpair() for _ in range(3)]
    for ours, _ in pairs[:2]:
        hub.take(ours, b"", chunked=False, wish=one.wish, view=one.view)
    ends = [Reader(theirs) for _, theirs in pairs]
    for end in ends[:2]:
        end.until(lambda reader: b"event: news" in reader.raw)
    hub.close()
    hub.take(pairs[2][0], b"", chunked=False, wish=one.wish, view=one.view)
    for end in ends:
        end.until_closed().connection.close()
    assert hub.ended == {"stopped": 2, "full": 1}


def test_a_thread_that_fails_is_followed_by_another(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    page = live.open().until(lambda reader: reader.rows())

    def fails(*_: object) -> None:
        raise ValueError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(feed.Feed, "news", fails)
        page.until_closed()
        live.ended("failed")
    live.open().until(lambda reader: reader.rows())
