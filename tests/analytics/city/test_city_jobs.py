from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tundish_analytics.city.access import CityAccess, access_city
from tundish_analytics.city.cluster import JobStalled, Outcome, connect, run
from tundish_analytics.city.daily import FEWEST_TENANTS, city_daily, tenant_days
from tundish_analytics.city.machine import machine_model
from tundish_analytics.city.training import city_models
from tundish_analytics.jobs import Tools, machines
from tundish_analytics.models.registry import Registry
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from distributed import Client

    from tundish_analytics.city.tables import TenantTables

DAYS = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
UTC_ZONE = ZoneInfo("UTC")
HOLD_S = 180
KEYS = ["semantic", "day"]
OPERATOR = Principal(1, "operator", roles=frozenset({Role.PLATFORM_OPERATOR}))
BUREAU = Principal(2, "bureau", roles=frozenset({Role.BUREAU_OFFICER}))
WINDOW = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))


def allowed(tenants: Iterable[TenantTables], principal: Principal = OPERATOR) -> CityAccess:
    return access_city(principal, [tenant.slug for tenant in tenants])


def plain(tenant: TenantTables) -> pd.DataFrame:
    """The same answer from the Parquet files with pandas alone: which sample speaks in each ten seconds."""
    files = sorted(Path(tenant.place).glob("numeric/*/*.parquet"))
    frame = pd.concat([pq.read_table(file, partitioning=None).to_pandas() for file in files])
    times = pd.date_range(DAYS[0], periods=len(DAYS) * 8_640, freq="10s", tz="UTC")
    rows = []
    for spec in tenant.signals:
        own = frame[frame["signal"] == spec.id].set_index("ts")
        value = own["value"].where(own["status"] == 0, np.inf)
        speaks = value.reindex(times).ffill(limit=HOLD_S // 10 - 1).replace(np.inf, np.nan)
        if tenant.slug == "plant-0" and spec.id == 1:
            speaks["2026-03-02 02:00:00":"2026-03-02 04:59:59"] = np.nan  # type: ignore[misc]  # a slice of times
        for day in DAYS:
            these, samples = speaks[str(day)], own.loc[str(day)]
            good = int((samples["status"] == 0).sum())
            rows.append((spec.semantic, day, len(samples), good, 10 * these.sum(), 10 * these.notna().sum()))
    sums = pd.DataFrame(rows, columns=[*KEYS, "samples", "good_samples", "integral", "good_s"])
    return sums.groupby(KEYS).sum()


def assert_same(found: pd.DataFrame, wanted: pd.DataFrame, signals: int) -> None:
    found = found.set_index(KEYS).sort_index()
    wanted = wanted.sort_index()
    assert list(found.index) == list(wanted.index)
    assert (found["samples"] == wanted["samples"]).all()
    assert (found["good_samples"] == wanted["good_samples"]).all()
    np.testing.assert_allclose(found["mean"], wanted["integral"] / wanted["good_s"], rtol=1e-9)
    np.testing.assert_allclose(found["completeness"], wanted["good_s"] / 86_400 / signals, rtol=1e-9)


@pytest.mark.integration
def test_a_killed_worker_changes_nothing_of_what_pandas_finds(
    make_tenants: Callable[..., list[TenantTables]],
    cluster: Any,  # noqa: ANN401 - of conftest
    wait_until: Callable[[Callable[[], object]], None],
) -> None:
    tenants = make_tenants(FEWEST_TENANTS + 1)
    cluster.add("victim")
    with cluster.client() as client, cluster.client() as watcher, ThreadPoolExecutor(1) as pool:
        # Stopped first, so that whatever it is given cannot end before it is killed.
        cluster.stop("victim")
        stopped = next(a for a, w in watcher.scheduler_info(-1)["workers"].items() if w["id"] == "victim")
        job = pool.submit(city_daily, client, allowed(tenants), tenants, DAYS, UTC_ZONE)
        wait_until(lambda: watcher.processing()[stopped])
        assert not job.done()
        cluster.kill("victim")
        result = job.result(timeout=120)

    assert result.failed == {}
    answers = {tenant.slug: plain(tenant) for tenant in tenants}
    for slug, answer in answers.items():
        assert_same(result.of(slug), answer, 1)
    whole = pd.concat(list(answers.values())).groupby(KEYS).sum()
    assert set(result.city()["tenants"]) == {len(tenants)}
    assert_same(result.city(), whole, len(tenants))


@pytest.mark.integration
def test_each_machine_gets_a_model_that_only_its_tenant_receives(
    make_tenants: Callable[..., list[TenantTables]],
    cluster: Any,  # noqa: ANN401 - of conftest
    tmp_path: Path,
) -> None:
    tenants = make_tenants(2, machines=2)
    told: list[tuple[int, int]] = []
    with cluster.client() as client:
        found = city_models(
            client, allowed(tenants), tenants, "power.active", WINDOW, timedelta(minutes=5),
            tell=lambda *progress: told.append(progress),
        )  # fmt: skip

    assert found.failed == {}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert set(found.models) == {(f"plant-{n}", f"S/A/L/M{m}") for n in (0, 1) for m in (0, 1)}
    assert all(model.mae < model.baseline_mae / 2 for model in found.models.values())
    found.store(Registry(tmp_path / "models"))
    for (slug, machine), model in found.models.items():
        loaded = Registry(tmp_path / "models").load(slug, machine, "expected-power.active")
        assert loaded is not None
        assert loaded[0].metrics["mae"] == model.mae
    again = machine_model(tenants[1].pinned(), "S/A/L/M1", "power.active", WINDOW, timedelta(minutes=5))
    assert again.mae == found.models["plant-1", "S/A/L/M1"].mae
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == ["plant-0", "plant-1"]


@pytest.mark.integration
def test_a_job_of_the_queue_trains_on_the_cluster(
    make_tenants: Callable[..., list[TenantTables]],
    cluster: Any,  # noqa: ANN401 - of conftest
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tables,) = make_tenants(1, machines=2)
    monkeypatch.setattr(machines, "utc_now", lambda: WINDOW[1])
    client: Any = SimpleNamespace(signals=lambda _tenant: list(tables.signals))
    with cluster.client() as connected:
        address = connected.scheduler.address
    tools = Tools(client, Registry(tmp_path / "models"), Path(tables.place).parent, scheduler=address)
    said = {"target": "power.active", "days": 4, "step_minutes": 30}
    job: Any = {"id": 1, "tenant": "plant-0", "arguments": said}
    told: list[float] = []
    result = machines.train_machines(tools, job, lambda share, _zh, _en: told.append(share))
    assert (result["models"], result["failed"], told) == (2, 0, [0.5, 1.0])


@pytest.mark.integration
def test_a_tenant_with_a_damaged_file_fails_alone(
    make_tenants: Callable[..., list[TenantTables]],
    cluster: Any,  # noqa: ANN401 - of conftest
) -> None:
    tenants = make_tenants(2)
    Path(tenants[1].place, "numeric", f"day={DAYS[1]}", f"{0:020d}.parquet").write_bytes(b"damaged")

    with cluster.client() as client:
        result = city_daily(client, allowed(tenants), tenants, DAYS, UTC_ZONE)

    assert set(result.failed) == {"plant-1"}
    assert len(result.of("plant-0")) == 4 * len(DAYS)
    assert result.of("plant-1").empty


@pytest.mark.integration
def test_a_job_that_nobody_works_on_ends_with_a_word(
    empty_cluster: Any,  # noqa: ANN401 - of conftest
) -> None:
    with empty_cluster.client() as client, pytest.raises(JobStalled, match="workers"):
        run(client, int, {"one": ("1",)}, patience_s=1.0)


def test_a_day_of_the_city_begins_at_its_own_midnight(
    make_tenants: Callable[..., list[TenantTables]],
) -> None:
    (tenant,) = make_tenants(1)
    zone = ZoneInfo("Asia/Shanghai")

    found = tenant_days(tenant.pinned(), [date(2026, 3, 2)], zone)

    rows = pd.concat(
        [
            pq.read_table(f, partitioning=None).to_pandas()
            for f in Path(tenant.place).glob("numeric/*/*.parquet")
        ]
    )
    local = rows[rows["ts"].dt.tz_convert(zone).dt.date == date(2026, 3, 2)]
    assert found["samples"].sum() == len(local)
    assert set(found["expected_s"]) == {86_400.0}


def test_a_tenant_that_never_published_has_no_good_time(
    make_tenants: Callable[..., list[TenantTables]],
) -> None:
    (tenant,) = make_tenants(1)
    nothing = type(tenant)("new", tenant.place + "-elsewhere", tenant.signals).pinned()

    found = tenant_days(nothing, DAYS, UTC_ZONE)

    assert found["samples"].sum() == 0
    assert found["good_s"].sum() == 0
    assert set(found["expected_s"]) == {86_400.0}


def test_later_publications_do_not_reach_a_job_under_way(
    make_tenants: Callable[..., list[TenantTables]],
) -> None:
    (tenant,) = make_tenants(1)
    early = type(tenant)(tenant.slug, tenant.place, tenant.signals, versions={})
    held = tenant.pinned()
    older = dict.fromkeys(held.versions, 0)

    first_day_only = tenant_days(
        type(tenant)(tenant.slug, tenant.place, tenant.signals, versions=older), DAYS, UTC_ZONE
    )
    all_days = tenant_days(held, DAYS, UTC_ZONE)

    assert early.versions == {}
    assert set(first_day_only.loc[first_day_only["samples"] > 0, "day"]) == {DAYS[0]}
    assert set(all_days.loc[all_days["samples"] > 0, "day"]) == set(DAYS)


@pytest.mark.parametrize("role", [Role.OWNER, Role.PLANT_MANAGER, Role.ANALYST, Role.VIEWER])
def test_a_plants_role_runs_no_city_job(role: Role) -> None:
    plant = Principal(3, "plant", tenants={"plant-0": (1, frozenset({role}))}, roles=frozenset())

    with pytest.raises(AccessDenied, match="above tenants"):
        access_city(plant, ["plant-0"])


def test_tenants_are_named_and_others_are_refused(make_tenants: Callable[..., list[TenantTables]]) -> None:
    tenants = make_tenants(2)
    client: Client = None  # type: ignore[assignment]  # it must not come to that

    with pytest.raises(ValueError, match="by name"):
        access_city(OPERATOR, [])
    with pytest.raises(AccessDenied, match="plant-1"):
        city_daily(client, allowed(tenants[:1]), tenants, DAYS, UTC_ZONE)
    with pytest.raises(AccessDenied, match="operate"):
        city_models(client, allowed(tenants, BUREAU), tenants, "power.active", WINDOW, timedelta(minutes=5))
    with pytest.raises(TypeError, match="access_city"):
        CityAccess("me", frozenset({"plant-0"}), frozenset({Permission.OPERATE}))


def test_a_mean_of_few_tenants_is_not_told(
    make_tenants: Callable[..., list[TenantTables]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = make_tenants(2)

    def here(_: object, function: Callable[..., Any], tasks: dict[Any, Any], *_rest: object) -> Any:  # noqa: ANN401
        return Outcome({name: function(*arguments) for name, arguments in tasks.items()})

    monkeypatch.setattr("tundish_analytics.city.daily.run", here)
    client: Client = None  # type: ignore[assignment]  # nothing is sent anywhere

    city = city_daily(client, allowed(tenants, BUREAU), tenants, DAYS, UTC_ZONE).city()

    assert city["mean"].isna().all()
    assert city["completeness"].between(0.5, 1).all()


def test_a_scheduler_elsewhere_is_reached_by_tls_only() -> None:
    with pytest.raises(ValueError, match="tls"):
        connect("tcp://scheduler.example:8786")
