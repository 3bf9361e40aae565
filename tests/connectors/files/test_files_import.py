from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tundish_connectors.files import LongFileError, PathTable, UndeclaredSignals, deliver, read_long_file
from tundish_connectors.replay import history_batches
from tundish_platform.samples import SampleBatch, SampleKind, SignalSpec
from tundish_platform.samples.kits import kit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

V0 = datetime(2026, 3, 2, 3, 7, 9, tzinfo=UTC)


class Platform:
    """Keeps what is delivered, numbered as a tenant would."""

    def __init__(self) -> None:
        self.specs: dict[str, SignalSpec] = {}
        self.source = ""
        self.batches: list[SampleBatch] = []

    def put_signals(self, source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        self.source = source
        self.specs = {spec.path: spec for spec in specs}
        return {path: number for number, path in enumerate(self.specs, start=100)}

    def ingest(self, batches: Sequence[SampleBatch]) -> int:
        self.batches.extend(batches)
        return sum(len(batch) for batch in batches)

    def rows(self, kind: SampleKind) -> pa.Table:
        return pa.concat_tables(batch.table for batch in self.batches if batch.kind is kind)


def spec(path: str, kind: SampleKind = SampleKind.NUMERIC) -> SignalSpec:
    return SignalSpec(path=path, name_zh="信号", name_en="signal", semantic="test", kind=kind)


SPECS = [
    spec("S/A/L/M/C/Temperature"),
    spec("S/A/L/M/C/Count", SampleKind.INTEGER),
    spec("S/A/L/M/C/State", SampleKind.TEXT),
]


def test_a_recordings_history_is_delivered_whole_and_quickly() -> None:
    platform, told = Platform(), list[int]()
    begun = time.process_time()
    specs = kit("hydraulic-bench").specs()
    report = deliver("history", specs, history_batches("hydraulic-bench", V0), platform, told.append)
    spent = time.process_time() - begun
    assert report.rows == told[-1] == sum(len(batch) for batch in platform.batches) == 920_192
    assert told == sorted(told)
    assert report.signals == len(specs)
    assert report.without_rows == ()
    assert max(len(batch) for batch in platform.batches) <= 130_000
    assert spent < 15, "a loop over single values would take far longer"


def test_rows_are_numbered_as_the_tenant_does() -> None:
    platform = Platform()
    deliver("history", kit("igbt-ageing").specs(), history_batches("igbt-ageing", V0), platform)
    numbers = {path: number for number, path in enumerate(platform.specs, start=100)}
    device = numbers["ZZ-Site/ReliabilityLab/PCT/PCT1/Channel2/DeviceId"]
    texts = platform.rows(SampleKind.TEXT)
    names = texts.filter(pc.equal(texts["signal"], device))["value"].to_pylist()
    assert names == ["MOSFET-09", "MOSFET-11"]


def test_a_csv_file_is_read_by_the_kinds_of_its_signals(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        "path,ts,value,status\n"
        "S/A/L/M/C/Temperature,2026-01-31T08:00:00+08:00,41.5,0\n"
        "S/A/L/M/C/Count,2026-01-31T00:00:00Z,9007199254740993,0\n"
        "S/A/L/M/C/State,2026-01-31T00:00:00Z,Execute,0\n"
        "S/A/L/M/C/Temperature,2026-01-31T00:00:01Z,,2156658688\n",
        encoding="utf-8",
    )
    platform = Platform()
    report = deliver("file", [*SPECS, spec("S/A/L/M/C/Other")], read_long_file(file, SPECS), platform)
    assert report.rows == 4
    assert report.without_rows == ("S/A/L/M/C/Other",)
    numeric = platform.rows(SampleKind.NUMERIC).to_pylist()
    assert numeric[0] == {"signal": 100, "ts": datetime(2026, 1, 31, tzinfo=UTC), "value": 41.5, "status": 0}
    assert numeric[1]["value"] is None
    assert numeric[1]["status"] == 0x808C0000
    assert platform.rows(SampleKind.INTEGER)["value"].to_pylist() == [9_007_199_254_740_993]
    assert platform.rows(SampleKind.TEXT)["value"].to_pylist() == ["Execute"]


def test_a_parquet_file_without_status_is_good(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    times = pa.array([V0, V0.replace(second=10)], pa.timestamp("ms", tz="Asia/Shanghai"))
    pq.write_table(pa.table({"path": ["S/A/L/M/C/Temperature"] * 2, "ts": times, "value": [1.0, 2.0]}), file)
    (table,) = read_long_file(file, SPECS)
    assert table.kind is SampleKind.NUMERIC
    assert table.table["ts"].to_pylist()[0] == V0
    assert table.table["status"].to_pylist() == [0, 0]


def test_rows_of_undeclared_signals_are_named_and_not_delivered(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("path,ts,value\nS/A/L/M/C/Unknown,2026-01-31T00:00:00Z,1\n", encoding="utf-8")
    platform = Platform()
    with pytest.raises(UndeclaredSignals, match="S/A/L/M/C/Unknown"):
        deliver("file", SPECS, read_long_file(file, SPECS), platform)
    assert platform.batches == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rows.csv", "path,ts\nx,2026-01-31T00:00:00Z\n", "no column value"),
        ("rows.csv", "path,ts,value\nS/A/L/M/C/Temperature,2026-01-31T00:00:00,1\n", "zone"),
        ("rows.csv", "path,ts,value\nS/A/L/M/C/Temperature,2026-01-31T00:00:00Z,warm\n", "could not be read"),
        ("rows.csv", "path,ts,value\n,2026-01-31T00:00:00Z,1\n", "no path"),
        ("rows.xlsx", "", "neither"),
    ],
)
def test_what_is_no_long_file_is_told_in_both_languages(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LongFileError, match=message) as caught:
        list(read_long_file(file, SPECS))
    assert any("一" <= letter <= "鿿" for letter in str(caught.value))


def test_a_filtered_table_needs_numbers_only_for_its_own_rows() -> None:
    whole = next(history_batches("igbt-ageing", V0))
    kept = min(whole.present())
    part = PathTable(whole.kind, whole.table.filter(pc.field("path") == kept))
    assert part.present() == {kept}
    assert set(part.batch({kept: 7}, V0).table["signal"].to_pylist()) == {7}
