"""From samples to a mail with PDF and Excel: once a shift, corrected when data comes late."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from tundish_platform.alarms import take_reports
from tundish_platform.alarms.notify import ContactSpec, set_contact
from tundish_platform.audit import entries_of
from tundish_platform.handover import (
    HandoverRefused,
    ShiftPlanSpec,
    find_edition,
    list_editions,
    list_mails,
    set_plan,
)
from tundish_platform.handover.files import report_file, report_of
from tundish_platform.handover.models import HandoverEdition, HandoverMail
from tundish_platform.samples import AlarmReport, SampleKind
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import revoke_role

if TYPE_CHECKING:
    from conftest import Plant, Post

pytestmark = pytest.mark.integration

LINE = "S/A/L1"
BEGIN = datetime(2026, 3, 2, 0, tzinfo=UTC)
END = BEGIN + timedelta(hours=12)
KEY = "k" * 40
DAY = {"code": "day", "name_zh": "白班", "name_en": "Day", "begins": "08:00", "ends": "20:00"}


def editions(plant: Plant) -> list[HandoverEdition]:
    with plant.metadata.session() as session:
        return list(session.scalars(select(HandoverEdition).order_by(HandoverEdition.id)))


def test_a_shift_is_reported_once_after_its_end_and_its_figures_are_those_of_the_samples(
    plant: Plant, post: Post
) -> None:
    plant.plan(post, ("boss", "anna"))
    plant.work(BEGIN, 12, 60)
    alarm = AlarmReport(
        key="hot", active=True, ts=BEGIN + timedelta(hours=11), path=f"{LINE}/M", name_zh="过热",
        name_en="Hot", priority=4,
    )  # fmt: skip
    with plant.metadata.session() as session:
        take_reports(session, plant.scopes["collector"], "opc", [alarm], BEGIN + timedelta(hours=11))
    keeper = plant.keeper()
    plant.now = END + timedelta(minutes=9)
    assert keeper.report() == 0, "the plan waits ten minutes for data"
    plant.now = END + timedelta(minutes=11)
    assert (keeper.report(), plant.keeper().report()) == (1, 0)
    assert keeper.send() == 2
    assert (keeper.send(), len(post.got)) == (0, 2)
    assert sorted(to for to, _ in post.got) == ["anna@plant.example", "boss@plant.example"]
    letter = post.got[0][1]
    assert letter["Subject"] == "[交接班] L1 2026-03-02 白班"
    files = {part.get_filename().rpartition(".")[2]: part.get_content() for part in letter.iter_attachments()}
    assert files["pdf"].startswith(b"%PDF")
    sheet = load_workbook(io.BytesIO(files["xlsx"])).worksheets[0]
    cells = [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {60, 58, 2, 72} <= {one for one in cells if isinstance(one, int)}
    (kept,) = editions(plant)
    (line,) = kept.content["lines"]
    assert line["oee"]["value"] == pytest.approx(58 * 540 / 43_200)
    assert line["counts"] == {"total": 60, "good": 58, "rejects": 2, "target": 72, "by": f"{LINE}/M/C/Count"}
    assert kept.content["alarms"][0]["active"]
    assert kept.content["shift"]["production_date"] == "2026-03-02"
    with plant.metadata.session() as session:
        done = [one.action for one in entries_of(session, plant.scopes["boss"])]
    assert done.count("handover.edition_made") == 1


def test_late_data_makes_a_corrected_edition_and_leaves_the_first_as_it_was(plant: Plant, post: Post) -> None:
    plant.plan(post)
    plant.work(BEGIN, 6, 30)
    keeper = plant.keeper()
    plant.now = END + timedelta(minutes=11)
    assert (keeper.report(), keeper.send()) == (1, 1)
    plant.now += timedelta(hours=1)
    assert keeper.report() == 0, "nothing changed"
    plant.work(BEGIN, 12, 70)
    plant.now += timedelta(minutes=30)
    assert keeper.report() == 0, "it looks once an hour"
    plant.now += timedelta(minutes=31)
    assert (keeper.report(), keeper.send()) == (1, 1)
    first, second = editions(plant)
    assert [one.number for one in (first, second)] == [1, 2]
    assert first.content["lines"][0]["counts"]["total"] == 30
    assert second.content["lines"][0]["counts"]["total"] == 70
    assert first.recheck_at is None
    subject = post.got[1][1]["Subject"]
    assert "更正" in subject
    assert "第 2 版" in subject
    with plant.metadata.session() as session:
        found = find_edition(session, plant.scopes["boss"], second.id)
        report = report_of(session, plant.scopes["boss"], found.facts, found.view, plant.now)
    told = load_workbook(io.BytesIO(report_file(report, "xlsx", "en"))).worksheets[0]
    assert any("Corrected edition" in str(row[0].value) for row in told.iter_rows())
    plant.now = END + timedelta(hours=73)
    plant.work(BEGIN, 12, 71)
    keeper.report()
    assert [one.number for one in editions(plant) if one.starts_at == BEGIN] == [1, 2], "after 72 h it stays"


def test_a_mail_server_that_is_busy_is_tried_again_and_one_that_refuses_is_given_up(
    plant: Plant, post: Post
) -> None:
    plant.plan(post, ("boss", "anna"))
    plant.work(BEGIN, 12, 60)
    keeper = plant.keeper()
    plant.now = END + timedelta(minutes=11)
    keeper.report()
    post.refuse = ["451 busy", "554 no"]
    assert keeper.send() == 2
    with plant.metadata.session() as session:
        log = {one.person: one for one in list_mails(session, plant.scopes["boss"])}
    boss, anna = (log[plant.people[name]] for name in ("boss", "anna"))
    assert (boss.state, boss.attempts, boss.detail) == ("waiting", 1, "SMTP 451")
    assert (anna.state, anna.detail) == ("dead", "SMTP 554")
    assert anna.fault_en
    assert keeper.send() == 0, "not before its time"
    plant.now += timedelta(seconds=11)
    assert keeper.send() == 1
    (only,) = post.got
    assert only[0] == "boss@plant.example"


def test_who_left_the_plant_gets_no_report(plant: Plant, post: Post) -> None:
    plant.plan(post, ("anna",))
    plant.work(BEGIN, 12, 60)
    keeper = plant.keeper()
    plant.now = END + timedelta(minutes=11)
    keeper.report()
    with plant.metadata.session() as session:
        revoke_role(session, plant.people["anna"], Role.SHIFT_OPERATOR, "steel")
    keeper.send()
    with plant.metadata.session() as session:
        (one,) = list_mails(session, plant.scopes["boss"])
    assert (one.state, one.fault, post.got) == ("dead", "no_recipients", [])


_PROCESS = """
import json, sys, time
from datetime import datetime
from pydantic import SecretStr
from tundish_platform.alarms.notify import Vault
from tundish_platform.alarms.notify.addresses import Allowed
from tundish_platform.handover import HandoverFacts, HandoverKeeper
from tundish_platform.tenancy.metadata import Metadata
url, facts, now, key, begin = sys.argv[1:]
made = HandoverFacts.model_validate_json(facts)
keeper = HandoverKeeper(Metadata(url), lambda *_: made, Vault(SecretStr(key)), Allowed.of(("127.0.0.0/8",)),
                        clock=lambda: datetime.fromisoformat(now))
while time.time() < float(begin):
    pass
print(json.dumps([keeper.report(), keeper.send(), keeper.send()]))
"""


def test_two_processes_make_one_edition_and_send_each_mail_once(plant: Plant, post: Post) -> None:
    plant.plan(post, ("boss", "anna"))
    plant.work(BEGIN, 12, 60)
    plant.now = END + timedelta(minutes=11)
    keeper = plant.keeper()
    keeper.report()
    (kept,) = editions(plant)
    facts = json.dumps(kept.content)
    with plant.metadata.session() as session:
        for table in (HandoverMail, HandoverEdition):
            for row in session.scalars(select(table)):
                session.delete(row)
    arguments = [plant.url, facts, plant.now.isoformat(), KEY, str(time.time() + 8)]
    running = [
        subprocess.Popen([sys.executable, "-c", _PROCESS, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [json.loads(one.communicate(timeout=120)[0]) for one in running]
    assert sum(one[0] for one in told) == 1
    assert sum(one[1] + one[2] for one in told) == 2
    assert sorted(to for to, _ in post.got) == ["anna@plant.example", "boss@plant.example"]
    assert len(editions(plant)) == 1


def test_a_night_shift_over_a_change_of_clocks_is_reported_with_its_own_length(plant: Plant) -> None:
    plant.now = BEGIN
    plant.plan(zone="Europe/Berlin")
    plant.now = BEGIN.replace(month=3, day=29, hour=8)
    begin = BEGIN.replace(month=3, day=28, hour=19)
    plant.work(begin, 11, 60)
    assert plant.keeper().report() >= 1
    night = next(one for one in editions(plant) if one.starts_at == begin)
    assert night.ends_at - night.starts_at == timedelta(hours=11)
    assert night.content["lines"][0]["seconds"]["producing"] == 11 * 3600
    assert night.content["shift"]["production_date"] == "2026-03-28"


def test_plans_are_refused_in_words_where_they_contradict_the_plant(plant: Plant, post: Post) -> None:
    plant.plan(post)
    boss = plant.scopes["boss"]
    bad = [
        {"path": "S/A/Nowhere", "shifts": [DAY]},
        {"path": "S", "shifts": [DAY], "mail": {"channel": 99, "people": [plant.people["boss"]]}},
        {"path": "S", "shifts": [DAY], "mail": {"channel": 1, "people": [plant.people["bert"]]}},
    ]
    for one in bad:
        with plant.metadata.session() as session, pytest.raises(HandoverRefused) as refused:
            set_plan(session, boss, ShiftPlanSpec.model_validate(one), 0, BEGIN)
        assert refused.value.message_zh
    with pytest.raises(ValueError, match="begins before"):
        ShiftPlanSpec.model_validate({"path": "S", "shifts": [DAY, DAY | {"code": "x"}]})


def test_a_report_is_seen_only_where_the_place_may_be_read(plant: Plant) -> None:
    plant.plan()
    plant.work(BEGIN, 12, 60)
    plant.now = END + timedelta(minutes=11)
    plant.keeper().report()
    tenant = plant.scopes["boss"].tenant_id
    for place, seen in (("S/A/L1", 1), ("S/A", 1), ("S/A/L2", 0), ("S/A/L", 0)):
        person = Principal(
            9, "p", {"steel": (tenant, frozenset())}, placed={"steel": frozenset({(Role.VIEWER, place)})}
        )
        scope = access_tenant(person, "steel", Permission.READ)
        with plant.metadata.session() as session:
            assert len(list_editions(session, scope)) == seen, place


def test_energy_quality_and_silence_stand_in_the_report(plant: Plant) -> None:
    plant.plan()
    plant.now = END + timedelta(minutes=11)
    plant.work(BEGIN, 12, 60)
    quarter = timedelta(minutes=15)
    plant.hear("Energy", SampleKind.NUMERIC, [(BEGIN + n * quarter, 100.0 + 2.5 * n) for n in range(-2, 49)])
    wave = [(BEGIN + timedelta(minutes=n), 10.0 + 0.1 * ((n * 7) % 5)) for n in range(-600, 0)]
    plant.hear("Size", SampleKind.NUMERIC, wave)
    plant.hear("Size", SampleKind.NUMERIC, [(BEGIN + timedelta(minutes=n), 14.0) for n in range(1, 40)])
    plant.keeper().report()
    (kept,) = [one for one in editions(plant) if one.starts_at == BEGIN]
    (line,) = kept.content["lines"]
    assert line["energy_kwh"] == pytest.approx(120.0)
    (drifted,) = line["out_of_control"]
    assert (drifted["path"], drifted["judged"], drifted["outside"]) == (f"{LINE}/M/C/Size", 39, 39)
    assert line["data"]["signals"] == 3
    assert 0.9 < line["data"]["share"] <= 1.0


def test_a_line_whose_samples_cannot_be_read_keeps_no_other_report_back(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.plan()
    plant.work(BEGIN, 12, 60)
    with plant.metadata.session() as session:
        spec = ShiftPlanSpec.model_validate({"path": "S", "shifts": [DAY]})
        set_plan(session, plant.scopes["boss"], spec, 0, BEGIN)
    plant.now = END + timedelta(minutes=11)
    keeper = plant.keeper()
    make = keeper._make

    def failing(scope: object, planned: object, *more: object) -> object:
        if planned.path == LINE:  # type: ignore[attr-defined] # a Planned
            raise OSError("a disk that cannot be read")
        return make(scope, planned, *more)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr(keeper, "_make", failing)
    assert keeper.report() == 1
    assert [one.path for one in editions(plant)] == ["S"]
    assert plant.keeper().report() == 1, "it comes when the disk does"


def test_a_contact_that_lost_its_address_is_told_in_the_log(plant: Plant, post: Post) -> None:
    plant.plan(post)
    plant.work(BEGIN, 12, 60)
    plant.now = END + timedelta(minutes=11)
    keeper = plant.keeper()
    keeper.report()
    with plant.metadata.session() as session:
        set_contact(session, plant.scopes["boss"], plant.people["boss"], ContactSpec(), plant.now)
    keeper.send()
    with plant.metadata.session() as session:
        (one,) = list_mails(session, plant.scopes["boss"])
    assert one.fault == "no_recipients"
