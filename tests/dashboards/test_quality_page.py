"""The quality and energy pages over a made plant whose answers are known."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from tundish_analytics import spc
from tundish_dashboards.app import attach_dashboards
from tundish_dashboards.settings import DashboardSettings
from tundish_platform.api.app import ApiSettings, create_app
from tundish_platform.api.context import PlatformContext
from tundish_platform.api.rates import Rate, RateLimits
from tundish_platform.assets import upsert_signals
from tundish_platform.marketplace import Catalogue
from tundish_platform.products import CodeSpec, ProductSpec, assign_codes, declare_products, set_prefix
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalRole, SignalSpec
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, create_user, grant_role, job_principal
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dash import Dash
    from flask.testing import FlaskClient


UPDATE = "/_dash-update-component"
ORIGIN = {"Origin": "http://localhost"}
PASSWORD = "tundish-test-2026"
# 04:00 in Shanghai, a Thursday; the plates come each minute until noon.
START = datetime(2026, 3, 4, 20, tzinfo=UTC)
PLATES, SPIKE, BAD_AT = 480, 400, 410
GAP = (420, 440)
L1, L2 = "A-Site/Shop/L1", "B-Site/Shop/L2"
BAD = 0x80000000
MANY = Rate(1e6, 1_000_000)
HISTORY_DAYS = 45


@dataclass
class Plant:
    dash: Dash
    context: PlatformContext
    ids: dict[str, int]
    values: np.ndarray
    visitors: dict[str, FlaskClient]

    def ask(self, part: str, path: str, login: str = "quality", **given: object) -> dict[str, Any]:
        output = next(one for one in self.dash.callback_map if part in one)
        spec = self.dash.callback_map[output]

        def filled(one: dict[str, str]) -> object:
            if one["id"].startswith("{"):
                return []
            if (one["id"], one["property"]) == ("location", "pathname"):
                return {**one, "value": path}
            name = one["id"].replace("-", "_")
            return {**one, "value": given.get("search" if one["property"] == "search" else name)}

        names = output.strip(".").split("...") if output.startswith("..") else [output]
        parts = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
        body = {
            "output": output, "outputs": parts if output.startswith("..") else parts[0],
            "inputs": [filled(one) for one in spec["inputs"]],
            "state": [filled(one) for one in spec["state"]],
            "changedPropIds": given.get("changed", []),
        }  # fmt: skip
        answer = self.visitors[login].post(UPDATE, json=body, headers=ORIGIN)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json["response"]
        return found

    def chart(self, signal: str = f"{L1}/M1/Gauge/Thickness", **given: object) -> dict[str, Any]:
        wish = {"quality_signal": str(self.ids[signal]), "quality_span": "1d", "quality_size": "1"}
        return self.ask("quality-chart.figure", "/quality/works", **(wish | given))

    def scope(self, permission: Permission, role: Role) -> Any:  # noqa: ANN401 - `TenantScope`
        with self.context.metadata.session() as session:
            return access_tenant(job_principal(session, "test", role), "works", permission)

    def send(self, kind: SampleKind, rows: list[tuple[Any, ...]]) -> None:
        columns = list(zip(*rows, strict=True))
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMAS[kind], strict=True)]
        batch = SampleBatch(kind, pa.table(arrays, schema=SCHEMAS[kind]), datetime.now(UTC))
        self.context.telemetry.append(self.scope(Permission.INGEST, Role.COLLECTOR), [batch])


def specs() -> list[SignalSpec]:
    text = {"kind": SampleKind.TEXT, "step": True}

    def one(path: str, semantic: str, role: SignalRole = SignalRole.MEASUREMENT, **more: Any) -> SignalSpec:  # noqa: ANN401
        leaf = path.rsplit("/", 1)[-1]
        return SignalSpec(
            path=path, name_zh=f"信号{leaf}", name_en=leaf, semantic=semantic, role=role, **more
        )

    return [
        one(f"{L1}/M1/Gauge/Thickness", "thickness.plate", SignalRole.RESULT, unit="mm"),
        one(f"{L1}/M1/Inspection/Fault", "label.fault_class", SignalRole.LABEL, **text),
        one(f"{L1}/M1/Tracking/PieceId", "identity.piece", SignalRole.IDENTITY, **text),
        one(f"{L1}/M1/Tracking/State", "state.packml", SignalRole.STATE, **text),
        one(f"{L1}/M1/Tracking/Reason", "reason.stop", SignalRole.STATE, **text),
        one(f"{L1}/EM1/Meter/Usage", "energy.active.interval", unit="kW.h", period_s=900.0),
        one(f"{L2}/M9/Gauge/Secret", "thickness.plate", SignalRole.RESULT, unit="mm"),
        one(f"{L2}/EM9/Meter/Usage", "energy.active.interval", unit="kW.h", period_s=900.0),
    ]


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def fault(number: int) -> str:
    return "ok" if number % 10 else "scratch" if number % 20 else "dent"


def load(days: int) -> np.ndarray:
    """kWh of quarters up to the newest plate: busy by day, and a little different from day to day."""
    end = int(at(PLATES).timestamp() // 900)
    steps = np.arange(end - days * 96, end) + 32
    busy = (steps % 96 >= 24) & (steps % 96 < 88)
    return np.where(busy, 20.0, 4.0) * (1 + 0.05 * np.random.default_rng(2).normal(size=steps.size))


def fill(plant: Plant) -> None:
    ids, values = plant.ids, plant.values
    seen = [n for n in range(PLATES) if not GAP[0] <= n < GAP[1]]
    thick = ids[f"{L1}/M1/Gauge/Thickness"]
    rows: list[tuple[Any, ...]] = [(thick, at(n), values[n], BAD if n == BAD_AT else 0) for n in seen]
    rows += [(ids[f"{L2}/M9/Gauge/Secret"], at(n), 424242.0 + n, 0) for n in range(60)]
    energy = load(HISTORY_DAYS)
    ends = [at(PLATES) - timedelta(minutes=15 * (energy.size - 1 - n)) for n in range(energy.size)]
    for line, meter in ((L1, "EM1"), (L2, "EM9")):
        number = ids[f"{line}/{meter}/Meter/Usage"]
        rows += [(number, end, value, 0) for end, value in zip(ends, energy.tolist(), strict=True)]
    plant.send(SampleKind.NUMERIC, rows)
    state, reason = ids[f"{L1}/M1/Tracking/State"], ids[f"{L1}/M1/Tracking/Reason"]
    words = [(ids[f"{L1}/M1/Inspection/Fault"], at(n), fault(n), 0) for n in range(PLATES)]
    words += [(ids[f"{L1}/M1/Tracking/PieceId"], at(n), f"P{n:04d}", 0) for n in range(PLATES)]
    words += [
        (state, at(m), word, 0)
        for m, word in (
            (0, "Execute"),
            (100, "Aborted"),
            (130, "Execute"),
            (200, "Held"),
            (210, "Execute"),
            (479, "Execute"),
        )
    ]
    words += [(reason, at(105), "E-spindle", 0)]
    plant.send(SampleKind.TEXT, words)
    plant.send(SampleKind.GAP, [(thick, at(GAP[0] - 0.5), at(GAP[1] - 0.5), "disconnected")])


def declare(plant: Plant) -> None:
    stay = {"path": f"{L1}/M1", "starts_at": at(10), "ends_at": at(12)}
    there = {"path": f"{L2}/M9", "starts_at": at(20), "ends_at": at(22)}
    heat, slab = {"series": "heat", "number": "H-1"}, {"series": "slab", "number": "S-1"}
    made = [
        {"kind": "lot", **heat, "material": "Q355B"},
        {"kind": "piece", **slab, "made_from": [heat], "stays": [stay]},
        {"kind": "piece", "series": "coil", "number": "C-1", "made_from": [slab], "stays": [there]},
    ]
    now = datetime.now(UTC)
    with plant.context.metadata.session() as session:
        collector = job_principal(session, "collector", Role.COLLECTOR)
        owner = job_principal(session, "owner", Role.OWNER)
        scope = access_tenant(collector, "works", Permission.INGEST)
        declare_products(session, scope, [ProductSpec.model_validate(one) for one in made], now)
        set_prefix(session, access_tenant(owner, "works", Permission.MANAGE), "88.1.2", now)
        spec = CodeSpec.model_validate({"suffix": "X9", "product": {"series": "coil", "number": "C-1"}})
        assign_codes(session, access_tenant(owner, "works", Permission.CONFIGURE), [spec])


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Plant]:
    place = tmp_path_factory.mktemp("works")
    shutil.copyfile(sqlite_template, place / "metadata.db")
    metadata = Metadata(f"sqlite:///{place / 'metadata.db'}")
    with metadata.session() as session:
        create_tenant(session, "works", "工厂", "Works", "Asia/Shanghai")
        create_user(session, "quality", "Qua Lity", PASSWORD, {"works": [Role.ENGINEER]})
        narrow = create_user(session, "narrow", "Nar Row", PASSWORD)
        grant_role(session, narrow, Role.VIEWER, "works", L1)
    telemetry = Telemetry(place / "store", metadata, background=False)
    context = PlatformContext(metadata, telemetry, Catalogue.find(place, installed=False))
    server = create_app(context, ApiSettings(rates=RateLimits(stranger=MANY, door=MANY)))
    dash = attach_dashboards(server, context, DashboardSettings(secret_key="k" * 40))
    values = np.random.default_rng(7).normal(10.0, 0.1, PLATES)
    values[SPIKE] = 12.0
    one = Plant(dash, context, {}, values, {})
    with metadata.session() as session:
        scope = access_tenant(job_principal(session, "c", Role.COLLECTOR), "works", Permission.INGEST)
        one.ids.update(upsert_signals(session, scope, "connector", specs()))
    fill(one)
    declare(one)
    for login in ("quality", "narrow"):
        one.visitors[login] = server.test_client()
        form = {"login": login, "password": PASSWORD}
        assert one.visitors[login].post("/login", data=form, headers=ORIGIN).status_code == 303
        one.visitors[login].get("/quality/works")
    yield one
    telemetry.close()
    metadata.close()


def said(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False)


def traces(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in found["quality-chart"]["figure"]["data"] if one["name"] == name]


def baseline(found: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = found["quality-baseline"]["data"]
    return kept


def test_what_can_be_charted_is_offered_and_an_address_chooses(plant: Plant) -> None:
    found = plant.ask("quality-line.data", "/quality/works")
    assert [one["value"] for one in found["quality-line"]["data"]] == [L1, L2]
    offered = [one["label"].rsplit("/", 1)[-1] for one in found["quality-signal"]["data"]]
    assert offered == ["Thickness", "Fault", "Usage"]
    secret = plant.ids[f"{L2}/M9/Gauge/Secret"]
    named = plant.ask(
        "quality-line.data", "/quality/works", search=f"?signal={secret}&span=7d&size=5&lower=1.5&from=x"
    )
    assert named["quality-line"]["value"] == L2
    assert (named["quality-signal"]["value"], named["quality-span"]["value"]) == (str(secret), "7d")
    assert (named["quality-lower"]["value"], named["quality-upper"]["value"]) == (1.5, None)


def test_the_spike_breaks_rule_one_and_neither_gap_nor_bad_sample_is_bridged(plant: Plant) -> None:
    found = plant.chart()
    (broken,) = [one for one in traces(found, "判异") if one["yaxis"] == "y1"]
    assert "N1" in dict(zip(broken["x"], broken["customdata"], strict=True))["2026-03-05T10:40:00"]
    named = next(one for one in found["quality-chart"]["figure"]["data"] if one["mode"] == "text")
    assert named["text"] == broken["customdata"]
    value = next(one for one in traces(found, "单值") if one["yaxis"] == "y1")
    course = dict(zip(value["x"], value["y"], strict=True))
    assert course["2026-03-05T10:50:00"] is None, "the bad sample"
    assert course["2026-03-05T10:59:30"] is None, "the gap"
    assert value["connectgaps"] is False
    assert len(traces(found, "坏值或不确定的样本")[0]["x"]) == 1
    shapes = found["quality-chart"]["figure"]["layout"]["shapes"]
    assert any(shape.get("name") == "连接中断" or "断" in str(shape.get("name")) for shape in shapes)
    assert "单值-移动极差图" in said(found)
    assert "N1" in said(found["quality-broken"])


def test_limits_are_those_of_the_stated_baseline_by_analytics_formulas(plant: Plant) -> None:
    found = plant.chart()
    count = int(0.3 * (PLATES - (GAP[1] - GAP[0]) - 1))
    first = spc.individual_chart(plant.values[:count])
    (upper,) = [one for one in traces(found, "上控制限") if one["yaxis"] == "y1"]
    assert upper["y"][0] == pytest.approx(first.upper[0], rel=1e-6)
    assert baseline(found)["from"].startswith("2026-03-05T04:00:00")
    rebased = plant.chart(changed=["quality-rebase.n_clicks"], quality_rebase=1)
    assert baseline(rebased)["to"] > baseline(found)["to"]
    (wider,) = [one for one in traces(rebased, "上控制限") if one["yaxis"] == "y1"]
    assert wider["y"][0] != upper["y"][0]
    kept = plant.chart(quality_baseline=baseline(rebased))
    assert traces(kept, "上控制限") == traces(rebased, "上控制限")


def test_groups_get_the_chart_that_their_size_asks_for(plant: Plant) -> None:
    assert "均值-极差图 (X̄-R), 子组 5" in said(plant.chart(quality_size="5"))
    found = plant.chart(quality_size="15")
    assert "均值-标准差图 (X̄-S), 子组 15" in said(found)
    means = next(one for one in traces(found, "子组均值") if one["yaxis"] == "y1")
    assert means["y"][0] == pytest.approx(plant.values[:15].mean(), rel=1e-6)


def test_a_label_gets_the_share_of_its_kind(plant: Plant) -> None:
    found = plant.chart(f"{L1}/M1/Inspection/Fault", quality_word="scratch", quality_size="10")
    assert "不合格品率图 (p)" in said(found)
    assert "控制限按二项或泊松分布计算" in said(found), "half a scratch in ten pieces is few"
    assert [one["value"] for one in found["quality-word"]["data"]] == ["ok", "dent", "scratch"]
    (share,) = traces(found, "占比")
    counted = [sum(fault(n) == "scratch" for n in range(first, first + 10)) for first in range(0, PLATES, 10)]
    assert share["y"] == pytest.approx([number / 10 for number in counted])
    assert "计数没有过程能力指数" in said(found["quality-ability"])


def test_capability_is_refused_with_its_reason_and_told_with_intervals(plant: Plant) -> None:
    assert "没有填写规格限" in said(plant.chart()["quality-ability"])
    limits = {"quality_lower": 9.5, "quality_upper": 10.5}
    count = int(0.3 * (PLATES - (GAP[1] - GAP[0]) - 1))
    values = plant.values[:count]
    right = spc.indices(values, spc.Specification(9.5, 10.5), spc.individual_chart(values).baseline)
    told = said(plant.chart(**limits)["quality-ability"])
    assert right.cpk is not None
    assert f"{right.cpk.low:.2f} … {right.cpk.high:.2f}" in told
    assert f"{right.ppk.value:.2f}" in told
    assert "分布: 正态" in told
    assert "规格限不成立" in said(plant.chart(quality_lower=11, quality_upper=10)["quality-ability"])
    spike = {"from": "2026-03-05T10:30:00", "to": "2026-03-05T10:58:00"}
    kept = {"signal": plant.ids[f"{L1}/M1/Gauge/Thickness"], **spike}
    unstable = plant.chart(quality_baseline=kept, **limits)
    assert "过程不稳定: 基准期 27 个点中有 1 个超出控制限, 偶然最多 0 个" in said(unstable["quality-ability"])


def test_few_points_give_no_limits(plant: Plant) -> None:
    kept = {"signal": plant.ids[f"{L1}/M1/Gauge/Thickness"],
            "from": "2026-03-05T04:00:00", "to": "2026-03-05T04:10:00"}  # fmt: skip
    assert "基准期内的点不足" in said(plant.chart(quality_baseline=kept))


def test_the_same_data_are_not_drawn_again_and_late_data_are(plant: Plant) -> None:
    first = plant.chart()
    shown = {"quality_shown": first["quality-shown"]["data"], "quality_baseline": baseline(first)}
    assert plant.chart(**shown) == {}
    plant.send(SampleKind.NUMERIC, [(plant.ids[f"{L1}/M1/Gauge/Thickness"], at(430), 10.0, 0)])
    again = plant.chart(**shown)
    value = next(one for one in traces(again, "单值") if one["yaxis"] == "y1")
    assert dict(zip(value["x"], value["y"], strict=True))["2026-03-05T11:10:00"] == 10.0
    assert baseline(again) == baseline(first)


def pareto(plant: Plant, signal: str) -> str:
    return said(
        plant.ask("quality-pareto.children", "/quality/works", quality_subject=str(plant.ids[signal]))
    )


def test_the_pareto_counts_faults_and_sums_up_stops(plant: Plant) -> None:
    faults = pareto(plant, f"{L1}/M1/Inspection/Fault")
    assert '"children": "432"' in faults
    assert '"children": "90.0%"' in faults
    stops = pareto(plant, f"{L1}/M1/Tracking/State")
    assert "E-spindle" in stops
    assert "30.0 分钟 · 1 次" in stops
    assert "未说明原因" in stops
    assert "10.0 分钟 · 1 次" in stops


def tree(plant: Plant, wish: str, login: str = "quality") -> str:
    return said(plant.ask("quality-genealogy.children", "/quality/works", login, quality_piece=wish))


def test_a_piece_is_followed_up_and_down_with_its_values(plant: Plant) -> None:
    slab = tree(plant, "S-1")
    assert "heat H-1" in slab
    assert "Q355B" in slab
    assert "coil C-1" in slab
    mean = plant.values[10:12].mean()
    assert f"{mean:.2f}" in slab, "what was measured while it was there"
    link = f"/explorer/works?signals={plant.ids[f'{L1}/M1/Gauge/Thickness']}&from=2026-03-05T04%3A10"
    assert link in slab
    by_code = tree(plant, "88.1.2/X9")
    assert "coil C-1" in by_code
    assert "slab S-1" in by_code
    assert "没有找到 nothing-such" in tree(plant, "nothing-such")


def test_a_name_that_only_the_line_told_is_found_too(plant: Plant) -> None:
    found = tree(plant, "P0100")
    assert "没有登记为产品" in found
    assert f"{plant.values[100]:.2f}" in found
    assert "2026-03-05 05:40:00 – 2026-03-05 05:41:00" in found


def test_who_sees_one_line_sees_nothing_of_the_other(plant: Plant) -> None:
    offered = plant.ask("quality-line.data", "/quality/works", "narrow")
    assert [one["value"] for one in offered["quality-line"]["data"]] == [L1]
    secret = str(plant.ids[f"{L2}/M9/Gauge/Secret"])
    assert "424" in said(plant.chart(f"{L2}/M9/Gauge/Secret"))
    hidden = plant.ask("quality-chart.figure", "/quality/works", "narrow", quality_signal=secret)
    assert "没有可以绘制控制图的信号" in said(hidden)
    assert "没有找到 C-1" in tree(plant, "C-1", "narrow")
    assert "coil C-1" not in tree(plant, "S-1", "narrow")
    meter = str(plant.ids[f"{L2}/EM9/Meter/Usage"])
    energy = said(plant.ask("energy-figures.children", "/energy/works", "narrow", energy_meter=meter))
    assert "没有电能或有功功率信号" in energy
    assert L2 not in said(watched(plant, "narrow"))


def watched(plant: Plant, login: str = "quality", **given: object) -> dict[str, Any]:
    wish = {"energy_meter": str(plant.ids[f"{L1}/EM1/Meter/Usage"])}
    return plant.ask("energy-figures.children", "/energy/works", login, **(wish | given))


def foreseen(plant: Plant, **given: object) -> dict[str, Any]:
    """The page once the meter's history was learnt."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        found = watched(plant, **given)
        if "正在学习" not in said(found):
            return found
        time.sleep(0.5)
    raise AssertionError("no forecast in four minutes")


def test_the_day_so_far_is_the_sum_of_its_quarters(plant: Plant) -> None:
    found = watched(plant)
    today = load(HISTORY_DAYS)[-48:].sum()
    assert f"{today:,.1f} kWh" in said(found["energy-figures"])
    assert "100.0% 的时间已知" in said(found["energy-figures"])
    assert "没有电价" in said(plant.ask("page.children", "/energy/works"))
    week = load(HISTORY_DAYS)[-48 - 7 * 96 : -7 * 96].sum()
    assert f"{abs(today / week - 1) * 100:.1f} %" in said(found["energy-figures"])


def test_periods_add_up_and_shifts_cut_at_the_plants_clock(plant: Plant) -> None:
    days = watched(plant, energy_period="day")["energy-period-table"]
    whole = load(HISTORY_DAYS)[-48 - 96 : -48].sum()
    assert f"{whole:,.1f} kWh" in said(days)
    shifts = said(watched(plant, energy_period="shift", energy_shifts="three")["energy-period-table"])
    assert "2026-03-05 08:00 (进行中)" in shifts
    assert f"{load(HISTORY_DAYS)[-48:-16].sum():,.1f} kWh" in shifts


def test_energy_per_piece_counts_hours_that_know_both(plant: Plant) -> None:
    made = said(watched(plant)["energy-made"])
    assert "信号PieceId" in made
    # Eight hours of 60 plates; the first and the one that runs are not known in full.
    assert "420 件" in made or "360 件" in made


def test_the_forecast_comes_with_its_measured_error_and_warns_of_a_limit(plant: Plant) -> None:
    found = foreseen(plant)
    assert "实测误差" in said(found["energy-ahead"])
    names = {one["name"] for one in found["energy-load"]["figure"]["data"]}
    assert {"实测", "一周前", "预测", "P10–P90 区间"} <= names
    assert "不作峰值预警" in said(found["energy-ahead"])
    assert "预计超过需量上限 30" in said(foreseen(plant, energy_limit=30)["energy-ahead"])
    assert "预计不超过需量上限" in said(foreseen(plant, energy_limit=5000)["energy-ahead"])
    assert foreseen(plant, energy_shown=found["energy-shown"]["data"]) == {}
