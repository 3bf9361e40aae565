"""The hand-over page's files and the wall screen: only for who may see the place, and never out of date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, true

from tundish_dashboards.handover import data
from tundish_platform.alarms import take_reports
from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.handover import NoteSpec, ShiftPlanSpec, planned_at, say, set_plan
from tundish_platform.handover.models import HandoverNote, ShiftPlan
from tundish_platform.samples import AlarmReport
from tundish_platform.samples.shifts import instant
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site
    from werkzeug.test import TestResponse

OWN, FOREIGN = "OWN-Site/Shop/L1", "CANARY-Site/Shop/L1"
DAY = {"code": "day", "name_zh": "全天", "name_en": "All day", "begins": "00:00", "ends": "00:00"}


@pytest.fixture(scope="module")
def start(site: Site) -> Iterator[int]:
    """Both plants have a shift that lasts all day; when the running one began, µs UTC."""
    found = 0
    now = datetime.now(UTC)
    with site.context.metadata.session() as session:
        for slug, line in (("own-plant", OWN), ("canary-plant", FOREIGN)):
            job = job_principal(session, "test", Role.OWNER)
            scope = access_tenant(job, slug, Permission.CONFIGURE)
            plan = {"path": line, "shifts": [DAY], "ideal_s": 60.0, "target": 1440.0}
            set_plan(session, scope, ShiftPlanSpec.model_validate(plan), 0, now)
            running = planned_at(session, scope, line).between(now, now + timedelta(seconds=1))[0]
            begin = datetime.fromtimestamp(running.start / 1e6, UTC)
            say(session, scope, NoteSpec(path=line, shift_start=begin, text=f"note of {slug}"), now)
            assert instant(begin) == running.start
            found = running.start
        names_of = {"name_zh": "泵 <1> 过热", "name_en": "Hot"}
        collector = access_tenant(job_principal(session, "c", Role.COLLECTOR), "own-plant", Permission.INGEST)
        alarm = AlarmReport.model_validate(
            {"key": "hot", "active": True, "ts": now, "path": f"{OWN}/M1", "priority": 4, **names_of}
        )
        take_reports(session, collector, "OWN-connector", [alarm], now)
    yield found
    with site.context.metadata.session() as session:
        hot = select(Alarm.id).where(Alarm.key == "hot")
        session.execute(delete(AlarmEvent).where(AlarmEvent.alarm_id.in_(hot)))
        for table, mine in ((Alarm, Alarm.key == "hot"), (ShiftPlan, true()), (HandoverNote, true())):
            session.execute(delete(table).where(mine))


def asked(site: Site, login: str | None, path: str, **query: object) -> TestResponse:
    client = site.visitor(login) if login else site.new_visitor()
    return client.get(path, query_string={name: str(value) for name, value in query.items()})


def test_files_come_in_both_languages_for_who_may_see_the_place(site: Site, start: int) -> None:
    path = "/handover/own-plant/file"
    for form, begins in (("pdf", b"%PDF"), ("xlsx", b"PK")):
        for language in ("zh", "en"):
            query = {"place": OWN, "shift": start, "form": form, "language": language}
            answer = asked(site, "viewer", path, **query)
            assert answer.status_code == 200
            assert answer.data.startswith(begins)
            assert f"-{language}.{form}" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "query",
    [
        {"place": FOREIGN}, {"place": "OWN-Site/Shop/L"}, {"place": ""}, {"place": OWN, "shift": "1"},
        {"edition": "1"}, {"edition": "x"}, {"edition": "9" * 30}, {"edition": "0" * 12 + "9" * 30},
    ],
)  # fmt: skip
def test_what_is_not_there_has_no_file(site: Site, start: int, query: dict[str, str]) -> None:
    answer = asked(site, "insider", "/handover/own-plant/file", **{"shift": start, **query})
    assert answer.status_code == 404


@pytest.mark.parametrize("login", ["insider", "bureau", "operator"])
def test_a_foreign_plant_has_neither_file_nor_screen(site: Site, start: int, login: str) -> None:
    for path, query in (
        ("/handover/canary-plant/file", {"place": FOREIGN, "shift": start}),
        (f"/andon/canary-plant/{FOREIGN}", {}),
        ("/andon/canary-plant/", {}),
        ("/andon-now/canary-plant", {"place": FOREIGN}),
        (f"/andon/own-plant/{FOREIGN}", {}),
        ("/andon-now/own-plant", {"place": FOREIGN}),
    ):
        answer = asked(site, login, path, **query)
        assert answer.status_code == 404, path
        assert b"CANARY" not in answer.data.replace(FOREIGN.encode(), b""), path


def test_who_is_not_logged_in_is_led_to_it_and_a_screen_is_told(site: Site) -> None:
    wall = asked(site, None, f"/andon/own-plant/{OWN}")
    assert (wall.status_code, wall.headers["Location"][:6]) == (302, "/login")
    assert asked(site, None, "/andon-now/own-plant", place=OWN).status_code == 401
    assert asked(site, None, "/handover/own-plant/file", place=OWN).status_code == 401


@pytest.mark.usefixtures("start")
def test_the_screen_shows_state_count_and_alarms_and_takes_turns(site: Site) -> None:
    shown = asked(site, "viewer", "/andon-now/own-plant", place="OWN-Site", turn=3).text
    assert "全天" in shown
    assert "登录有效至" in shown
    assert "泵 &lt;1&gt; 过热" in shown, "an alarm of the line, its name as text"
    assert "OWN报警" not in shown, "one of another line"
    assert "CANARY" not in shown
    assert asked(site, "viewer", "/andon-now/own-plant", turn="x" * 99).status_code == 200


@pytest.mark.usefixtures("start")
def test_a_screen_whose_data_stopped_says_so_and_knows_no_state(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime.now(UTC) + timedelta(minutes=7)
    monkeypatch.setattr("tundish_dashboards.handover.andon.utc_now", lambda: late)
    shown = asked(site, "viewer", "/andon-now/own-plant", place=OWN).text
    assert "数据迟到" in shown
    assert "状态未知" in shown


@pytest.mark.usefixtures("start")
def test_names_on_the_screen_are_text(site: Site) -> None:
    page = asked(site, "viewer", f"/andon/own-plant/{OWN}").text
    assert (
        "script-src 'self'" in asked(site, "viewer", "/andon/own-plant/").headers["Content-Security-Policy"]
    )
    assert "<script>" not in page
    assert 'data-address="/andon-now/own-plant?place=OWN-Site/Shop/L1"' in page


def parts(tree: object) -> Iterator[dict[str, object]]:
    """Everything in an answer that has names."""
    for one in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from parts(one)
    if isinstance(tree, dict):
        yield tree


def test_the_page_opens_with_the_shift_that_the_data_are_in(
    site: Site, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen() -> int:
        output = next(one for one in site.dash.callback_map if "page.children" in one)
        body = site.body(output, "/handover/own-plant")
        answer = site.visitor("insider").post(
            "/_dash-update-component", json=body, headers={"Origin": "http://localhost"}
        )
        choice = next(one for one in parts(answer.json) if one.get("id") == "handover-shift")
        return int(choice["value"])

    assert chosen() == start
    day = timedelta(days=1)
    monkeypatch.setattr(data, "clock_of", lambda _newest, _arrival, wall: wall - day)
    assert chosen() == start - day // timedelta(microseconds=1)
