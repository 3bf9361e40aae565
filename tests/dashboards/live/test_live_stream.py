"""The stream of open pages over real sockets: news at once, nobody else's, and over when a right is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user, grant_role, revoke_role

if TYPE_CHECKING:
    from conftest import Live

PASSWORD = "tundish-test-2026"


def test_it_begins_with_all_there_is_and_goes_on_with_what_changes(live: Live) -> None:
    number = live.number("own-plant")
    live.send("own-plant", 5.25)
    page = live.open().until(live.shows("5.250 bar"))
    assert page.status() == 200
    first = page.rows()
    assert len(first) == 2, "the pressure and the state"
    assert first[number]["status"] == "Good"
    assert {"value", "status", "reason", "level", "ts", "arrival", "note"} <= first[number].keys()
    facts = page.events()[0][1]["line"]
    assert facts.keys() == {"clock", "behind", "ago", "arrival", "good", "counts"}
    count = len(page.events())
    live.send("own-plant", 6.25, 0x808C0000)
    page.until(live.shows("6.250 bar"))
    news = [data for name, data in page.events()[count:] if name == "news" and data["rows"]]
    assert [row["id"] for row in news[-1]["rows"]] == [number], "only what changed"
    assert news[-1]["rows"][0]["level"] == 2
    assert "0x808C0000" in news[-1]["rows"][0]["status"]


def test_two_plants_never_cross(live: Live) -> None:
    own, canary = live.open(), live.open("neighbour", "canary-plant")
    for step in range(20):
        live.send("own-plant", 1_000 + step)
        live.send("canary-plant", 7_000 + step)
    own.until(live.shows("1,019 bar"))
    canary.until(live.shows("7,019 bar", "canary-plant"))
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
    answer = live.site.visitor("insider").get(f"/live/own-plant?line={live.lines['own-plant']}")
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
    whole.until(live.shows("3,333 bar"))
    assert part.rows() == {}
    assert b"3,333" not in part.raw
