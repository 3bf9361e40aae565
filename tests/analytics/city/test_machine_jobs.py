"""The job of one model a machine, on this machine's cores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tundish_analytics.city.machine import machine_tasks
from tundish_analytics.jobs import Hopeless, Over, Tools, machines
from tundish_analytics.jobs.machines import train_machines
from tundish_analytics.models.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_analytics.city.tables import TenantTables

LATER = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def tables(make_tenants: Callable[..., list[TenantTables]]) -> TenantTables:
    (made,) = make_tenants(1, machines=3)
    return made


@pytest.fixture
def tools(tables: TenantTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.setattr(machines, "utc_now", lambda: LATER)
    client: Any = SimpleNamespace(signals=lambda _tenant: list(tables.signals))
    return Tools(client, Registry(tmp_path / "models"), Path(tables.place).parent)


def job(target: str = "power.active", days: int = 4) -> Any:  # noqa: ANN401 - as the platform says
    return {"id": 1, "tenant": "plant-0", "arguments": {"target": target, "days": days, "step_minutes": 30}}


def stored(tools: Tools) -> list[str]:
    lines = [f"S/A/L/M{number}" for number in range(3)]
    return [line for line in lines if tools.registry.current("plant-0", line, "expected-power.active")]


def test_each_machine_gets_a_model_and_progress_counts_them(tools: Tools) -> None:
    told: list[tuple[float, str, str]] = []
    result = train_machines(tools, job(), lambda *said: told.append(said))
    assert (result["models"], result["failed"], result["failures"]) == (3, 0, {})
    assert len(stored(tools)) == 3
    assert [round(share * 3) for share, _, _ in told] == [0, 1, 2, 3]
    assert told[2][2] == "2 of 3 machines are done"


def test_a_cancelled_job_leaves_the_models_it_came_to(tools: Tools) -> None:
    def tell(share: float, _zh: str, _en: str) -> None:
        if share > 0.5:
            raise Over

    with pytest.raises(Over):
        train_machines(tools, job(), tell)
    assert len(stored(tools)) == 2


def test_what_cannot_be_trained_is_said(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Hopeless, match="No machine"):
        train_machines(tools, job("no.such.kind"), lambda *_: None)
    monkeypatch.setattr(machines, "utc_now", lambda: LATER + timedelta(days=9))
    with pytest.raises(Hopeless, match="M0 has 0 steps"):
        train_machines(tools, job(days=1), lambda *_: None)


def test_a_task_carries_the_signals_of_its_own_machine_only(tables: TenantTables) -> None:
    tasks = machine_tasks(tables, "power.active", (LATER, LATER), LATER - LATER)
    assert {machine: {s.machine for s in task[0].signals} for machine, task in tasks.items()} == {
        machine: {machine} for machine in ("S/A/L/M0", "S/A/L/M1", "S/A/L/M2")
    }


@pytest.mark.integration
def test_several_cores_train_at_once(tools: Tools) -> None:
    both = Tools(tools.client, tools.registry, tools.tables, cores=2)
    assert train_machines(both, job(), lambda *_: None)["models"] == 3
