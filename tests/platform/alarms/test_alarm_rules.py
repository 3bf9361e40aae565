from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pydantic import ValidationError

from tundish_platform.alarms import (
    RULES,
    AlarmState,
    RuleChanged,
    RuleRefused,
    RuleSpec,
    UnknownRule,
    change_rule,
    create_rule,
    delete_rule,
    list_alarms,
    list_rules,
    watch_tenant,
)
from tundish_platform.assets import UnknownSignals
from tundish_platform.audit import all_entries
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store import Telemetry
from tundish_platform.tenancy import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Plant

SECOND = timedelta(seconds=1)
BAD = 0x80000000


@pytest.fixture
def telemetry(plant: Plant, tmp_path: Path) -> Iterator[Telemetry]:
    store = Telemetry(tmp_path / "store", plant.metadata)
    yield store
    store.close()


def spec(plant: Plant, signal: str = "T", **more: object) -> RuleSpec:
    given = {
        "signal": plant.ids[signal],
        "kind": "high",
        "threshold": 80,
        "name_zh": "超温",
        "name_en": "Hot",
    }
    return RuleSpec.model_validate({**given, **more})


def put(
    telemetry: Telemetry,
    plant: Plant,
    values: list[float],
    start: datetime,
    signal: str = "T",
    status: int = 0,
) -> None:
    kind = SampleKind.INTEGER if signal == "N" else SampleKind.NUMERIC
    columns = {
        "signal": [plant.ids[signal]] * len(values),
        "ts": [start + n * SECOND for n in range(len(values))],
        "value": values,
        "status": [status] * len(values),
    }
    table = pa.table(columns, schema=SCHEMAS[kind])
    telemetry.append(plant.collector, [SampleBatch(kind, table, start)])


def watch(plant: Plant, telemetry: Telemetry, now: datetime) -> list[AlarmState]:
    with plant.metadata.session() as session:
        watch_tenant(session, telemetry, plant.watcher, now)
        everything = frozenset(AlarmState)
        return [view.state for view in list_alarms(session, plant.viewer, now, states=everything)]


def test_samples_raise_and_clear_the_alarm_of_a_rule_and_progress_is_kept(
    plant: Plant, telemetry: Telemetry, now: datetime
) -> None:
    with plant.metadata.session() as session:
        create_rule(session, plant.engineer, spec(plant, advice_zh="检查冷却"), now)
        create_rule(session, plant.engineer, spec(plant, "N", kind="low", threshold=5), now)
    put(telemetry, plant, [99.0], now - 60 * SECOND)
    assert watch(plant, telemetry, now) == [], "what lies before the rule raises nothing"
    put(telemetry, plant, [70, 81, 85], now + SECOND)
    put(telemetry, plant, [4], now + SECOND, "N")
    later = now + 10 * SECOND
    assert watch(plant, telemetry, later) == [AlarmState.UNACKNOWLEDGED] * 2
    with plant.metadata.session() as session:
        view = list_alarms(session, plant.viewer, later)[0]
    assert (view.source, view.path, view.value, view.message_zh) == (
        RULES,
        "S/L/M/C/T",
        81.0,
        "81 Cel · 检查冷却",
    )
    assert view.raised_ts == now + 2 * SECOND
    assert watch(plant, telemetry, later) == [AlarmState.UNACKNOWLEDGED] * 2
    put(telemetry, plant, [70], now + 20 * SECOND)
    assert watch(plant, telemetry, now + 30 * SECOND)[0] is AlarmState.RETURNED


def test_a_silent_signal_is_not_read_from_the_beginning_each_time(
    plant: Plant, telemetry: Telemetry, now: datetime
) -> None:
    asked: list[datetime] = []

    class Counting:
        def read(
            self, scope: object, signals: object, start: datetime, end: datetime, kind: object
        ) -> pa.Table:
            asked.append(start)
            return telemetry.read(scope, signals, start, end, kind)  # type: ignore[arg-type] # handed on

    with plant.metadata.session() as session:
        create_rule(session, plant.engineer, spec(plant), now)
        watch_tenant(session, Counting(), plant.watcher, now + timedelta(days=30))
        asked.clear()
        watch_tenant(session, Counting(), plant.watcher, now + timedelta(days=30))
    assert min(asked) == now + timedelta(days=30, hours=-1)


def test_bad_quality_is_an_alarm_of_its_own(plant: Plant, telemetry: Telemetry, now: datetime) -> None:
    with plant.metadata.session() as session:
        create_rule(session, plant.engineer, spec(plant, kind="bad_quality", on_delay_s=2), now)
    put(telemetry, plant, [1, 1, 1], now + SECOND, status=BAD)
    assert watch(plant, telemetry, now + 5 * SECOND) == [AlarmState.UNACKNOWLEDGED]


def test_rules_are_made_changed_and_removed_by_engineers_only(plant: Plant, now: datetime) -> None:
    with plant.metadata.session() as session:
        for scope in (plant.operator, plant.viewer, plant.collector):
            with pytest.raises(AccessDenied):
                create_rule(session, scope, spec(plant), now)
        rule = create_rule(session, plant.engineer, spec(plant), now)
        changed = change_rule(session, plant.engineer, rule.id, 1, spec(plant, threshold=90), now)
        assert (changed.threshold, changed.version) == (90, 2)
        with pytest.raises(RuleChanged):
            change_rule(session, plant.engineer, rule.id, 1, spec(plant, threshold=95), now)
        with pytest.raises(RuleRefused):
            change_rule(session, plant.engineer, rule.id, 2, spec(plant, "N"), now)
        with pytest.raises(RuleRefused):
            create_rule(session, plant.engineer, spec(plant, "S"), now)
        with pytest.raises(UnknownSignals):
            create_rule(session, plant.stranger, spec(plant), now)
        with pytest.raises(UnknownRule):
            change_rule(session, plant.stranger, rule.id, 2, spec(plant), now)
        assert list_rules(session, plant.stranger) == []
        assert not delete_rule(session, plant.stranger, rule.id, now)
        assert [r.id for r in list_rules(session, plant.viewer)] == [rule.id]
        assert delete_rule(session, plant.engineer, rule.id, now)
        assert list_rules(session, plant.viewer) == []
        done = [(entry.actor, entry.tenant, entry.action) for entry in all_entries(session)]
        verbs = ("made", "changed", "removed")
        assert done == [("job:engineer", "steel", f"alarm_rule.{verb}") for verb in verbs]


def test_a_limit_without_a_threshold_is_refused() -> None:
    with pytest.raises(ValidationError, match="threshold"):
        RuleSpec.model_validate({"signal": 1, "kind": "high", "name_zh": "热", "name_en": "Hot"})
