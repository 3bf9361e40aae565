"""A month's report over the API: its numbers are those of the other routes, and its files say the same."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import docx
import pypdfium2
import pytest
from openpyxl import load_workbook
from sqlalchemy import update

from tundish_platform.api.monthly import ProgrammeKeeper
from tundish_platform.api.publishing_job import publish_if_due
from tundish_platform.api.reports import ReportIssuer, issue_if_due
from tundish_platform.audit import all_entries
from tundish_platform.programme import Enterprise
from tundish_platform.programme.external import ExternalSpec, enter
from tundish_platform.programme.register.tables import RegisterEntryRow
from tundish_platform.programme.reports.issuing import issued
from tundish_platform.programme.series.frozen import freeze
from tundish_platform.programme.series.months import bounds, month_of, shifted
from tundish_platform.programme.series.panel import table_of
from tundish_platform.programme.series.targets import TargetSpec, set_target
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_user
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from conftest import World
    from flask.testing import FlaskClient

NOW = datetime.now(UTC)
MONTH = shifted(month_of(NOW), -1)
KNOWN = dict.fromkeys(("uscc_valid", "industry_set", "region_set"), 1)
SENDING = KNOWN | {"subscriptions": 1, "machine_bins": 20, "sources": 1, "good_share": 0.9}
# County 431321 is withheld for its three, 431322 with it so that the total doesn't give it away.
COUNTIES = {"430202": 30, "430203": 21, "431322": 6, "431321": 3}
STAGES = ("registered", "on_cloud", "on_platform", "deep_cloud", "benchmark")


@pytest.fixture
def city(world: World) -> World:
    """Sixty enterprises and fourteen frozen months, in which more and more send data."""
    with world.context.metadata.above(Above.ADOPTION).session() as session:
        regions = [region for region, count in COUNTIES.items() for _ in range(count)]
        for n, region in enumerate(regions, start=1):
            one = Enterprise(
                id=n, uscc=f"{n:018d}", name_zh="厂", name_en="P", industry="C3130" if n % 3 else "C3444",
                region=region, demo=True, hours_week=168.0, registered_at=datetime(2020, 1, 1, tzinfo=UTC),
            )  # fmt: skip
            session.add(one)
        session.flush()
        for n in range(1, len(regions) + 1):
            size = "large" if n <= 7 else "micro"
            session.add(RegisterEntryRow(enterprise_id=n, size=size, size_entered=True, version=0))
        for back in range(14, 0, -1):
            here = [n for n in range(1, 61) if n <= 55 or (back <= 3) != (n == 60)]
            facts = [SENDING | {"apps": n % 4} if n % 14 >= back else KNOWN for n in here]
            freeze(session, shifted(MONTH, 1 - back), table_of(here, facts), "2026.2", NOW)
        year = int(MONTH[:4])
        for region, value in (("", 50), ("430202", 20), ("431321", 2)):
            spec = TargetSpec(
                year=year, stage="on_cloud", kind="current", region=region, value=value, source="文件"
            )
            set_target(session, spec, "officer", NOW)
        first = session.get_one(Enterprise, 1)
        day = bounds(MONTH)[0].date()
        fact = ExternalSpec(kind="specialised", name="n", issuer="i", issued_on=day, file_name="a.pdf")
        enter(session, first, fact, b"%PDF-1.7", "officer", NOW)
    ProgrammeKeeper(world.context).round(NOW)
    return world


@pytest.fixture
def officer(city: World) -> FlaskClient:
    """A person of the bureau who logged in."""
    with city.context.metadata.session() as session:
        create_user(session, "officer", "Officer", "a long password", roles=[Role.BUREAU_OFFICER])
    client = city.app.test_client()
    body = {"login": "officer", "password": "a long password"}
    token = client.post("/api/v1/sessions", json=body).get_json()["session"]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def got(client: FlaskClient, path: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(f"/api/v1/programme/{path}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def issue(client: FlaskClient, **body: str) -> dict[str, Any]:
    answer = client.post("/api/v1/programme/reports", json={"month": MONTH} | body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def content(client: FlaskClient) -> dict[str, Any]:
    number = issue(client)["id"]
    found: dict[str, Any] = got(client, f"reports/{number}")["content"]
    return found


def newest(figures: dict[str, Any] | None) -> dict[str, Any] | None:
    """The last month of a funnel."""
    if figures is None:
        return None
    return {name: {key: row[-1] for key, row in figures[name].items()} for name in ("current", "ever", "new")}


def test_a_report_has_the_numbers_of_the_series_month_by_month(officer: FlaskClient) -> None:
    series, said = got(officer, "series"), content(officer)
    shown = [row["month"] for row in said["months"]]
    assert shown == series["months"][-13:]
    for at, row in enumerate(said["months"], start=1):
        whole = series["total"]
        assert row["enterprises"] == whole["enterprises"][at - 14 or None]
        for name in ("current", "ever", "new"):
            assert row[name] == {key: whole[name][key][at - 14 or None] for key in STAGES}
    for cut in ("by_region", "by_industry"):
        cells = {one["key"]: one for one in said[cut]}
        assert list(cells) == [one["key"] for one in series[cut]]
        for one in series[cut]:
            mine = cells[one["key"]]
            assert {name: mine[name] for name in ("current", "ever", "new")} == (
                newest(one["figures"]) or dict.fromkeys(("current", "ever", "new"))
            )
    hidden = {one["key"] for one in said["by_region"] if one["enterprises"] is None}
    assert hidden == {"431321", "431322"}
    sizes = {one["key"]: one["enterprises"] for one in said["by_size"]}
    # As months are told: multiples of five, renewed when five or more have moved.
    assert sizes == {"large": 5, "micro": (said["months"][-1]["enterprises"] - 7) // 5 * 5}


def test_targets_steps_and_external_facts_are_those_of_their_routes(officer: FlaskClient) -> None:
    said = content(officer)
    measured = {one["id"]: one for one in got(officer, "targets")}
    for one in said["targets"]:
        found = measured[one["id"]]["progress"]
        assert (one["suppressed"], one["actual"], one["completion"]) == (
            found["suppressed"], found["actual"], found["completion"]
        )  # fmt: skip
        end = found["year_end"] or {}
        names = ("low", "middle", "high", "completion_low", "completion_high")
        assert {name: one[name] for name in names} == {name: end.get(name) for name in names}
    assert [one["suppressed"] for one in said["targets"]].count(True) == 1
    steps = [(one["stage"], one["condition"]["en"], one["enterprises"]) for one in said["stalled"]["steps"]]
    told = got(officer, "stalled/steps?months=6")
    assert steps == [(one["stage"], one["text_en"], one["enterprises"]) for one in told]
    assert said["stalled"]["enterprises"] == len(got(officer, "stalled?months=6&limit=1000"))
    external = {one["kind"]: (one["in_force"], one["ever"]) for one in said["external"]}
    assert external["specialised"] == (1, 1)
    assert [one["key"] for one in said["declared"]][:1] == ["loudi.cloud.enterprises"]


def test_moves_add_up_to_the_change_of_each_stage(officer: FlaskClient) -> None:
    said = content(officer)
    before, now = said["months"][-2:]
    moves = said["moves"]
    for stage in STAGES:
        change = now["current"][stage] - before["current"][stage]
        assert change == moves["gained"][stage] - moves["lost"][stage]
    assert now["enterprises"] - before["enterprises"] == moves["joined"] - moves["left"]
    assert moves["up"] > 0


def test_an_earlier_month_is_told_as_if_later_ones_had_not_come(officer: FlaskClient) -> None:
    earlier = shifted(MONTH, -3)
    number = issue(officer, month=earlier)["id"]
    said, series = got(officer, f"reports/{number}")["content"], got(officer, "series")
    at = series["months"].index(earlier)
    assert said["months"][-1]["month"] == earlier
    assert said["months"][-1]["current"]["on_cloud"] == series["total"]["current"]["on_cloud"][at]
    assert said["months_used"] == 11
    assert said["moves"]["joined"] == 0
    after = issue(officer, month=shifted(MONTH, -2))["id"]
    # In that month four came, and the sixtieth left.
    assert got(officer, f"reports/{after}")["content"]["moves"] | {"gained": 0, "lost": 0, "up": 0} == {
        "joined": 4, "left": 1, "up": 0, "down": 0, "gained": 0, "lost": 0
    }  # fmt: skip


def numbers_of(client: FlaskClient) -> list[tuple[str, ...]]:
    """Rows of numbers as the API has them, that every file must show."""
    series, rows = got(client, "series"), []
    for one in series["by_region"]:
        figures = newest(one["figures"])
        if figures is None:
            rows.append((one["key"], *["*"] * 11))
        else:
            size = one["figures"]["enterprises"][-1]
            told = [figures[name][stage] for name in ("current", "new") for stage in STAGES]
            rows.append((one["key"], *(str(n) for n in (size, *told))))
    total = series["total"]
    for at, month in list(enumerate(series["months"]))[-13:]:
        told = [total["current"][stage][at] for stage in STAGES]
        rows.append((month, str(total["enterprises"][at]), *(str(n) for n in told)))
    for one in got(client, "targets"):
        if not one["progress"]["suppressed"]:
            percent = f"{one['completion_percent']} %"
            rows.append((str(one["value"]), str(one["progress"]["actual"]), percent))
    rows += [(one["text_zh"], str(one["enterprises"])) for one in got(client, "stalled/steps?months=6")
             if one["enterprises"]]  # fmt: skip
    rows += [(str(one["in_force"]), str(one["ever"])) for one in got(client, "external")]
    return rows


def within(row: tuple[str, ...], cells: list[str]) -> bool:
    """Whether a row's numbers stand beside each other, after its name."""
    name, *numbers = row
    width = len(numbers)
    return any(
        cells[at : at + width] == numbers and name in cells[:at] for at in range(1, len(cells) - width + 1)
    )


def file_of(client: FlaskClient, number: int, form: str) -> bytes:
    path = f"/api/v1/programme/reports/{number}/file?format={form}&language=zh"
    first, again = client.get(path), client.get(path)
    assert first.status_code == 200, first.text
    assert first.data == again.data, "the same report gives the same bytes"
    assert f"programme-{MONTH}-1-zh.{form}" in first.headers["Content-Disposition"]
    return first.data


def test_the_workbook_has_every_number_as_a_number(officer: FlaskClient) -> None:
    number = issue(officer)["id"]
    book = load_workbook(io.BytesIO(file_of(officer, number, "xlsx")))
    assert book.sheetnames[:3] == ["概要", "分阶段情况", "近月走势"]
    shown = []
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            cells = [cell for cell in row if cell.value is not None]
            assert all(cell.data_type in "sn" for cell in cells)
            shown.append([
                f"{cell.value * 100:.2f} %" if cell.number_format == "0.00%" else str(cell.value)
                for cell in cells
            ])  # fmt: skip
    for row in numbers_of(officer):
        assert any(within(row, cells) for cells in shown), row
    (county,) = [r for r in book["分县市区"].iter_rows(values_only=True) if r[0] == "430202"]
    assert all(isinstance(cell, int) for cell in county[2:])


def test_the_word_file_has_every_number(officer: FlaskClient) -> None:
    word = docx.Document(io.BytesIO(file_of(officer, issue(officer)["id"], "docx")))
    shown = [[cell.text for cell in row.cells] for table in word.tables for row in table.rows]
    for row in numbers_of(officer):
        assert any(within(row, cells) for cells in shown), row
    assert any("虚构" in paragraph.text for paragraph in word.paragraphs)


def test_the_pdf_has_every_number_in_its_text(officer: FlaskClient) -> None:
    read = pypdfium2.PdfDocument(file_of(officer, issue(officer)["id"], "pdf"))
    lines = [line for page in read for line in page.get_textpage().get_text_range().splitlines()]
    shown = [re.sub(r" %", "%", line).split() for line in lines]
    for row in numbers_of(officer):
        wanted = tuple(part for cell in row for part in cell.replace(" %", "%").split())
        assert any(within(wanted, cells) for cells in shown), row


def test_a_report_stands_until_an_officer_says_why_not(officer: FlaskClient, city: World) -> None:
    first = issue(officer)
    again = officer.post("/api/v1/programme/reports", json={"month": MONTH})
    assert (again.status_code, again.get_json()["code"]) == (409, "report_stands")
    before = file_of(officer, first["id"], "xlsx")
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        session.execute(update(Enterprise).where(Enterprise.id == 1).values(region="430203"))
    second = issue(officer, reason="登记地更正")
    assert (second["issue"], second["reason"]) == (2, "登记地更正")
    assert second["digest"] != first["digest"]
    assert file_of(officer, first["id"], "xlsx") == before, "what was issued stays as it was"
    assert [one["issue"] for one in got(officer, f"reports?month={MONTH}")] == [1, 2]
    assert got(officer, "reports?month=2019-01") == []
    unfrozen = officer.post("/api/v1/programme/reports", json={"month": month_of(NOW)})
    assert (unfrozen.status_code, unfrozen.get_json()["code"]) == (409, "not_frozen")
    assert officer.get("/api/v1/programme/reports/99").status_code == 404
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        kept = [entry for entry in all_entries(session) if entry.action == "report.issued"]
    assert [json.loads(entry.detail)["issue"] for entry in kept] == [1, 2]


def test_the_newest_month_is_issued_by_itself_once_its_figures_are_published(city: World) -> None:
    end = bounds(MONTH)[1]
    assert issue_if_due(city.context, end + timedelta(hours=2)) is None, "its figures may still come"
    assert publish_if_due(city.context, "2026.2", max(NOW, end))
    assert issue_if_due(city.context, max(NOW, end)) == MONTH
    ReportIssuer(city.context).round(end + timedelta(days=9))
    with city.context.metadata.above(Above.ADOPTION).session() as session:
        (made,) = issued(session)
        assert made.issued_by == "job:reports"
        assert '"published":{"figures":[{' in made.text


def test_without_a_publication_it_waits_three_days(city: World) -> None:
    end = bounds(MONTH)[1]
    assert issue_if_due(city.context, end + timedelta(days=2)) is None
    assert issue_if_due(city.context, end + timedelta(days=4)) == MONTH


def test_a_county_leads_to_its_industries_and_its_enterprises(officer: FlaskClient) -> None:
    series = {one["key"]: one for one in got(officer, "series")["by_region"]}
    industries = got(officer, "series/industries?region=430202")
    assert [one["key"] for one in industries] == ["C3130", "C3444"]
    for stage in STAGES:
        told = [one["figures"]["current"][stage][-1] for one in industries]
        assert not any(count % 5 for count in told)
        # Each is six off at most, and so is their county.
        assert abs(sum(told) - series["430202"]["figures"]["current"][stage][-1]) <= 6 * 3
    hidden = [one["suppressed"] for one in got(officer, "series/industries?region=431321")]
    assert hidden == [True]
    assert [one["suppressed"] for one in got(officer, "series/industries?region=431322")] == [True, True]
    listed = got(officer, "series/enterprises?region=430202&industry=C3130")
    on_cloud = [one for one in listed if one["stage"] == "on_cloud"]
    assert abs(len(listed) - industries[0]["figures"]["enterprises"][-1]) <= 6
    assert 0 < len(on_cloud) <= len(listed)
    first = officer.get("/api/v1/programme/series/enterprises?limit=2")
    assert [one["id"] for one in first.get_json()] == [1, 2]
    assert "after=2" in first.headers["Link"]
    assert [one["id"] for one in got(officer, "series/enterprises?after=2&limit=1")] == [3]
    gone = {one["id"] for one in got(officer, "series/enterprises?limit=1000")}
    assert 60 not in gone, "it has left the register"
