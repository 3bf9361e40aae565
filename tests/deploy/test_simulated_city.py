"""A made city goes through the programme's own machinery, and nothing that leaves it drops the mark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from pydantic import SecretStr

from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_deploy.city import load_city, register
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.marking import HEADER
from tundish_platform.api.monthly import ProgrammeKeeper
from tundish_platform.api.publishing_job import publish_if_due
from tundish_platform.marketplace.catalogue import Catalogue
from tundish_platform.migrations import upgrade
from tundish_platform.programme.published.entries import Figure
from tundish_platform.programme.published.heads import HeadSigner
from tundish_platform.programme.published.log import add
from tundish_platform.programme.published.tree import root_of
from tundish_platform.programme.published.verifying import NotProven, verify_file
from tundish_platform.programme.series.frozen import freeze, frozen_months
from tundish_platform.programme.series.panel import table_of
from tundish_platform.programme.simulated import Mixed, mark_simulated
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import create_tenant, create_user
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIGNER = HeadSigner(SecretStr("of the test"))
PASSWORD = "a long password"
ENTERPRISES, MONTHS = 300, 13
ORIGIN = {"Origin": "http://localhost"}


@dataclass
class Made:
    """A platform of its own with a made city."""

    context: PlatformContext
    client: FlaskClient

    def get(self, path: str) -> Any:  # noqa: ANN401 - whatever the route answers
        answer = self.client.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("city")
    metadata = Metadata(f"sqlite:///{folder / 'metadata.sqlite'}")
    upgrade(metadata)
    load_city(metadata.above(Above.OPERATOR), ENTERPRISES, MONTHS, 3, NOW, lambda _text: None)
    with metadata.session() as session:
        create_user(session, "bureau", "Bureau", PASSWORD, roles=[Role.BUREAU_OFFICER])
    telemetry = Telemetry(folder / "store", metadata)
    catalogue = Catalogue.find(folder, installed=False)
    context = PlatformContext(metadata, telemetry, catalogue, figures=SIGNER)
    settings = DashboardSettings(secret_key=SecretStr("s" * 40), rule_version="2026.2")
    dash = attach_dashboards(create_app(context, ApiSettings()), context, settings)
    client = dash.server.test_client()
    client.post("/login", data={"login": "bureau", "password": PASSWORD}, headers=ORIGIN)
    body = {"login": "bureau", "password": PASSWORD}
    token = client.post("/api/v1/sessions", json=body).get_json()["session"]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    yield Made(context, client)
    telemetry.close()
    metadata.close()


def empty(folder: Path) -> Metadata:
    database = Metadata(f"sqlite:///{folder / 'metadata.sqlite'}")
    upgrade(database)
    return database


def test_series_targets_forecast_and_stalled_follow_from_the_made_facts(made: Made) -> None:
    series, adoption = made.get("/programme/series"), made.get("/programme/adoption?rule=2026.2")
    assert len(series["months"]) == MONTHS
    assert series["simulated"] == series["months"]
    assert series["total"]["enterprises"][-1] <= ENTERPRISES
    assert adoption["simulated"] is True
    newest = {stage: counts[-1] for stage, counts in series["total"]["current"].items()}
    assert {stage["stage"]: stage["current"] for stage in adoption["stages"]} == newest
    ever = {stage: counts[-1] for stage, counts in series["total"]["ever"].items()}
    assert {stage["stage"]: stage["ever"] for stage in adoption["stages"]} == ever
    assert ever["on_cloud"] > newest["on_cloud"] > 100
    assert series["projection"]["current"]["on_cloud"]["middle"]
    parks = {cell["key"]: cell for cell in series["by_park"]}
    assert parks["模拟高新区"]["figures"]["current"]["on_cloud"][-1] > 0
    said = {"year": 2022, "stage": "on_cloud", "kind": "ever", "value": 250, "source": "Order 1"}
    assert made.client.post("/api/v1/programme/targets/versions", json=said).status_code == 201
    (target,) = made.get("/programme/targets")
    assert target["progress"]["actual"] == ever["on_cloud"]
    assert target["progress"]["year_end"]["middle"] >= ever["on_cloud"]
    assert made.get("/programme/stalled?months=6&limit=5")


def test_every_enterprise_opens_to_made_evidence_that_replays(made: Made) -> None:
    first = made.get("/programme/enterprises?rule=2026.2&limit=1")[0]
    assert "模拟" in first["name_zh"]
    assert "simulated" in first["name_en"]
    opened = made.client.post(
        f"/api/v1/programme/enterprises/{first['uscc']}/evidence/openings",
        json={"rule": "2026.2", "reason": "a look at a made enterprise"},
    )
    assert opened.status_code in {200, 201}, opened.text
    shown = opened.get_json()
    assert (shown["stage"], shown["replays"]) == (first["stage"], True)
    assert len(shown["facts"]["windows"]) == 12


def test_no_route_drops_the_mark(made: Made) -> None:
    rules = [
        rule
        for rule in made.client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and "<slug:tenant>" not in rule.rule and "GET" in rule.methods
    ]
    asked = 0
    for rule in rules:
        if "/tenants/<" in rule.rule:
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = "/".join("1" if f"{argument}>" in part else part for part in path.split("/"))
        answer = made.client.get(path)
        assert answer.headers.get(HEADER) == "true", path
        asked += 1
    assert asked > 30


def test_files_say_it_in_their_names_and_rows(made: Made) -> None:
    answer = made.client.get("/api/v1/programme/register/export?format=csv")
    named = unquote(answer.headers["Content-Disposition"])
    assert "filename=simulated-register.csv" in named
    assert "UTF-8''模拟-企业登记册" in named
    lines = answer.data.decode("utf-8-sig").strip().splitlines()[1:]
    known = [line for line in lines if line.strip(",")]
    assert len(known) >= ENTERPRISES
    assert all("模拟" in line for line in known[-ENTERPRISES:])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_shows_the_mark_in_both_languages(made: Made, language: str) -> None:
    made.client.get(f"/language/{language}")
    layout = made.client.get("/_dash-layout").get_data(as_text=True)
    assert '"id":"simulated"' in layout.replace(" ", "")
    text = json.dumps(json.loads(layout), ensure_ascii=False)
    assert "模拟" in text
    assert "Simulated" in text


def test_nothing_made_is_published(made: Made) -> None:
    answer = made.client.post("/api/v1/programme/figures", json={"rule": "2026.2"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "simulated_city")
    assert publish_if_due(made.context, "2026.2", NOW) is False
    assert made.get("/figures") == []


def test_the_log_and_its_verification_refuse_a_made_figure(tmp_path: Path) -> None:
    figure = Figure(
        number=0, name="enterprises.on_cloud.current", value=4172, exact=True, rule_version="2026.1",
        moment=NOW, published_at=NOW, evidence="0" * 64, simulated=True,
    )  # fmt: skip
    database = empty(tmp_path)
    with pytest.raises(Mixed), database.session() as session:
        add(session, SIGNER, 1, [figure], NOW)
    database.close()
    for real in (True, False):
        one = figure.model_copy(update={"simulated": not real})
        head = SIGNER.sign(1, root_of([one.leaf()]).hex(), NOW)
        told = {
            "format": "tundish-log-v1", "public_key": SIGNER.public,
            "figures": [one.model_dump(mode="json")], "heads": [head.model_dump(mode="json")],
        }  # fmt: skip
        if real:
            assert verify_file(json.dumps(told).encode()).figures == (one,)
            continue
        with pytest.raises(NotProven, match="simulated city"):
            verify_file(json.dumps(told).encode())


def test_the_keeper_leaves_a_made_city_as_it_came(made: Made) -> None:
    before = made.get("/programme/adoption?rule=2026.2")
    ProgrammeKeeper(made.context).round(datetime.now(UTC))
    assert made.get("/programme/adoption?rule=2026.2")["stages"] == before["stages"]
    with made.context.metadata.session() as session:
        assert len(frozen_months(session)) == MONTHS


def test_real_and_made_never_share_a_database(made: Made, tmp_path: Path) -> None:
    body = {
        "uscc": "91350100M000100Y43",
        "fields": {"name_zh": "厂", "industry": "C3444", "region": "431302"},
    }
    refused = made.client.post("/api/v1/programme/register", json=body)
    assert refused.get_json()["code"] == "simulated_city", refused.text
    with pytest.raises(Mixed), made.context.metadata.session() as session:
        freeze(session, "2026-01", table_of([], []), "2026.2", NOW)
    real = empty(tmp_path)
    with pytest.raises(Mixed), real.session() as session:
        freeze(session, "2026-01", table_of([], []), "2026.2", NOW, simulated=True)
    with real.session() as session:
        create_tenant(session, "steel", "钢", "Steel")
    with pytest.raises(Mixed), real.session() as session:
        mark_simulated(session, 1, 1, 1, NOW)
    answer = create_app(PlatformContext(real, made.context.telemetry, made.context.catalogue))
    assert HEADER not in answer.test_client().get("/api/v1/health").headers
    real.close()


def test_parks_are_drawn_beside_everything_else() -> None:
    parks = register(2_000, 3, 1).column("park").to_pylist()
    assert 0.3 < sum(bool(park) for park in parks) / len(parks) < 0.6
    assert parks == register(2_000, 3, 1).column("park").to_pylist()
