from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tundish_connectors.replay import history_batches
from tundish_connectors.replay.position import Position
from tundish_connectors.replay.registry import recording
from tundish_platform.samples import SampleKind
from tundish_platform.samples.kits import kit, kits

V0 = datetime(2026, 3, 2, 3, 7, 9, tzinfo=UTC)


@pytest.mark.parametrize("kit_id", sorted(kits()))
def test_history_is_whole_typed_and_before_v0(kit_id: str) -> None:
    ids = {spec.path: number for number, spec in enumerate(kit(kit_id).specs(), start=1)}
    rows: dict[int, int] = {}
    for table in history_batches(kit_id, V0):
        assert len(table) <= 130_000
        batch = table.batch(ids, V0)
        assert pc.max(batch.table["ts"]).as_py() < V0
        assert pc.all(pc.equal(batch.table["status"], 0)).as_py()
        for item in pc.value_counts(batch.table["signal"]).to_pylist():
            rows[item["values"]] = rows.get(item["values"], 0) + item["counts"]
    base = kit(kit_id).line
    expected = {
        ids[f"{base}/{one.path}"]: len(one.ts)
        for part in recording(kit_id).history()
        for one in part.channels
    }
    assert rows == expected


def test_history_ends_where_the_play_begins() -> None:
    tables = [t.table for t in history_batches("hydraulic-bench", V0) if t.kind is SampleKind.NUMERIC]
    pressure = pa.concat_tables(tables).filter(
        pc.field("path") == f"{kit('hydraulic-bench').line}/HPU1/Circuit/Pressure1"
    )
    times = pc.sort_indices(pressure["ts"])
    seconds = pressure["ts"].take(times).to_pylist()
    assert seconds[-1] == V0 - timedelta(seconds=1)
    assert len(set(seconds)) == len(seconds) == 896 * 60
    truth = next(
        c for c in recording("hydraulic-bench").history()[0].channels if c.path.endswith("Pressure1")
    )
    assert pressure["value"].take(times).to_pylist() == truth.values.tolist()


def test_the_meters_history_keeps_the_hours_of_its_record() -> None:
    tables = [t.table for t in history_batches("plate-line", V0) if t.kind is SampleKind.NUMERIC]
    rows = pa.concat_tables(tables).filter(pc.field("path") == f"{kit('plate-line').line}/EM1/Meter/Usage")
    first = pc.min(rows["ts"]).as_py().astimezone(UTC)
    assert (first.hour, first.minute) == (16, 15), "a quarter past midnight in the plant"
    last = pc.max(rows["ts"]).as_py()
    position = Position.first("plate-line", recording("plate-line").live(), V0)
    begins = V0 - timedelta(seconds=position.parts["EM1"].done + 1)
    assert last == begins


def test_another_line_and_a_time_without_zone() -> None:
    table = next(history_batches("igbt-ageing", V0, "A/B/C"))
    assert all(path.startswith("A/B/C/PCT1/") for path in table.present())
    with pytest.raises(ValueError, match="zone"):
        next(history_batches("igbt-ageing", V0.replace(tzinfo=None)))
