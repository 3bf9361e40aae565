"""From values to the spool: kinds, gaps, restarts, a full disk, thinning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tundish_connectors.collect.config import Connection
from tundish_connectors.collect.recorder import Recorder, now_us
from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.delivery import Counters
from tundish_connectors.spool import Spool
from tundish_platform.samples import GapReason, SampleKind, SignalSpec, decode_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SECOND = 1_000_000


class Numbering:
    """The platform's numbering of signals; may be out of reach."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.specs: dict[str, SignalSpec] = {}
        self.gone = False

    def put_signals(self, _source: str, specs: Sequence[SignalSpec]) -> dict[str, int]:
        if self.gone:
            raise ConnectorError(ErrorKind.RETRY, "out of reach", "无法连接")
        for spec in specs:
            self.ids.setdefault(spec.path, len(self.ids) + 1)
            self.specs[spec.path] = spec
        return {spec.path: self.ids[spec.path] for spec in specs}

    def ingest(self, _batches: object) -> int:
        raise AssertionError("the recorder delivers nothing itself")


class Line:
    """A recorder with what it stands on; made anew as after a restart."""

    def __init__(self, folder: Path, **settings: Any) -> None:  # noqa: ANN401 - settings
        self.folder = folder
        self.settings = settings
        self.numbering = Numbering()
        self.open()

    def open(self) -> None:
        self.counters = Counters()
        self.spool = Spool(self.folder / "spool", max_bytes=40_000, segment_bytes=20_000)
        connection = Connection(name="line", state_dir=self.folder, **self.settings)
        self.recorder = Recorder(connection, self.spool, self.numbering, self.counters)

    def declare(
        self, *paths: str, kind: SampleKind = SampleKind.NUMERIC, period_s: float | None = 1.0
    ) -> None:
        specs = [
            SignalSpec(path=path, name_zh="值", name_en="value", semantic="", kind=kind, period_s=period_s)
            for path in paths
        ]
        self.recorder.declare(specs)

    def rows(self, kind: SampleKind) -> list[dict[str, Any]]:
        batches = [decode_batch(record.payload) for record in self.spool.read(10**9)]
        return [row for batch in batches if batch.kind is kind for row in batch.table.to_pylist()]

    def gaps(self) -> list[tuple[int, int, str]]:
        rows = self.rows(SampleKind.GAP)
        return [(micros(row["ts"]), micros(row["end"]), row["reason"]) for row in rows]


def micros(moment: Any) -> int:  # noqa: ANN401 - a time of pyarrow
    return round(moment.timestamp() * 1e6)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.mark.parametrize(
    ("kind", "value", "kept", "status"),
    [
        (SampleKind.NUMERIC, True, 1.0, 0),
        (SampleKind.NUMERIC, "text", None, 0x80740000),
        (SampleKind.INTEGER, 2**62, 2**62, 0),
        (SampleKind.INTEGER, 2**64, None, 0x803C0000),
        (SampleKind.INTEGER, 1.5, None, 0x80740000),
        (SampleKind.TEXT, 5, None, 0x80740000),
        (SampleKind.TEXT, "\ud800", "?", 0),
        (SampleKind.ARRAY, [1, 2], [1.0, 2.0], 0),
        (SampleKind.ARRAY, 5, None, 0x80740000),
    ],
)
def test_a_value_fits_its_kind_or_is_null_and_bad(
    line: Line, kind: SampleKind, value: object, kept: object, status: int
) -> None:
    line.declare("A", kind=kind)
    line.recorder.take("A", now_us(), value)
    assert line.recorder.flush()
    (row,) = line.rows(kind)
    assert (row["value"], row["status"]) == (kept, status)
    line.spool.close()


def test_a_loss_is_recorded_from_behind_the_last_sample_to_the_next(line: Line) -> None:
    line.declare("A", "B")
    start = now_us()
    line.recorder.take("A", start, 1)
    line.recorder.flush()
    line.recorder.lost(GapReason.DISCONNECTED)
    line.recorder.lost(GapReason.SEQUENCE)
    line.recorder.take("A", start, 1)
    assert line.recorder.flush()
    assert line.gaps() == []
    line.recorder.lost(GapReason.DISCONNECTED)
    line.recorder.take("A", start + 5 * SECOND, 2)
    line.recorder.take("B", start, 2)
    line.recorder.flush()
    assert line.gaps() == [(start + 1, start + 5 * SECOND, "disconnected")]
    line.spool.close()


def test_after_a_kill_the_gap_begins_behind_the_last_sample_on_disk(line: Line) -> None:
    line.declare("A")
    start = now_us()
    for at in range(3):
        line.recorder.take("A", start + at, at)
        line.recorder.flush()
    line.recorder.take("A", start + 3, 3)
    line.spool.close()
    line.open()
    line.numbering.gone = True
    line.declare("A")
    line.recorder.take("A", start + 10, 4)
    line.recorder.flush()
    assert line.gaps() == [(start + 3, start + 10, "collector_stopped")]
    line.spool.close()


def test_historical_values_neither_settle_nor_move_anything(line: Line) -> None:
    line.declare("A")
    start = now_us()
    line.recorder.take("A", start, 1)
    line.recorder.lost(GapReason.DISCONNECTED)
    line.recorder.take("A", start + 2, 2, historical=True)
    line.recorder.take("A", start + 9, 3)
    line.recorder.flush()
    assert line.gaps() == [(start + 1, start + 9, "disconnected")]
    assert [row["value"] for row in line.rows(SampleKind.NUMERIC)] == [1, 2, 3]
    line.spool.close()


def test_a_full_spool_refuses_whole_says_so_and_becomes_a_gap(line: Line) -> None:
    line.declare("A")
    start = now_us()
    at = 0
    while line.recorder.flush():
        at += 1
        line.recorder.take("A", start + at, at)
    assert line.recorder.full
    kept = [row["value"] for row in line.rows(SampleKind.NUMERIC)]
    assert kept == [float(value) for value in range(1, at)]
    assert line.counters.as_dict()["dropped"] == 1
    line.spool.acknowledge(line.spool.last - 1)
    line.recorder.take("A", start + at + 5, 0)
    assert line.recorder.flush()
    assert not line.recorder.full
    assert line.gaps() == [(start + at, start + at + 5, "spool_full")]
    line.spool.close()


def test_a_thinned_signal_is_declared_with_its_longest_interval_and_counted(tmp_path: Path) -> None:
    line = Line(tmp_path, thin=[{"paths": "A", "deadband": 0.1, "max_interval_s": 30}])
    line.declare("A", "B")
    line.declare("Event", period_s=None)
    assert line.numbering.specs["A"].period_s == 30
    assert line.numbering.specs["B"].period_s == 1
    assert line.numbering.specs["Event"].period_s is None
    start = now_us()
    for at in range(10):
        line.recorder.take("A", start + at * SECOND, 5.0)
        line.recorder.take("B", start + at * SECOND, 5.0)
        line.recorder.flush()
    line.recorder.close()
    signals = [row["signal"] for row in line.rows(SampleKind.NUMERIC)]
    assert (signals.count(1), signals.count(2)) == (2, 10)
    counts = line.counters.as_dict()
    assert counts["thinned"] == 8
    assert counts["received"] - counts["thinned"] == counts["queued"] == 12
    line.spool.close()


def test_a_gap_keeps_the_samples_beside_it(tmp_path: Path) -> None:
    line = Line(tmp_path, thin=[{"paths": "*", "deviation": 0.1}])
    line.declare("A")
    start = now_us()
    for at in range(5):
        line.recorder.take("A", start + at * SECOND, 5.0)
    line.recorder.lost(GapReason.DISCONNECTED)
    for at in (9, 10, 11):
        line.recorder.take("A", start + at * SECOND, 5.0)
    line.recorder.close()
    times = sorted(micros(row["ts"]) - start for row in line.rows(SampleKind.NUMERIC))
    assert times == [0, 4 * SECOND, 9 * SECOND, 11 * SECOND]
    assert line.gaps() == [(start + 4 * SECOND + 1, start + 9 * SECOND, "disconnected")]
    line.spool.close()


def test_after_a_kill_the_gap_begins_behind_the_last_sample_that_was_not_held_back(tmp_path: Path) -> None:
    line = Line(tmp_path, thin=[{"paths": "*", "deadband": 0.1}])
    line.declare("A")
    start = now_us()
    for at in range(5):
        line.recorder.take("A", start + at, 5.0)
        line.recorder.flush()
    line.recorder.save()
    line.spool.close()
    line.open()
    line.declare("A")
    line.recorder.take("A", start + 9, 5.0)
    line.recorder.flush()
    assert line.gaps() == [(start + 1, start + 9, "collector_stopped")]
    line.spool.close()


def test_the_checkpoint_of_a_new_segment_does_not_tell_what_is_just_being_written(line: Line) -> None:
    line.declare("A")
    start = now_us()
    line.recorder.take("A", start, 1)
    line.recorder.flush()
    line.recorder.take("A", start + 5, 2)
    told = []
    append = line.spool.append

    def killed(payloads: Sequence[bytes]) -> int:
        line.recorder.save()
        told.append((line.folder / "last.json").read_text())
        return append(payloads)

    line.spool.append = killed  # type: ignore[method-assign]
    line.recorder.flush()
    assert f'"1":{start}' in told[0]
    line.spool.close()


def test_silence_is_judged_by_the_period(line: Line) -> None:
    line.declare("A", "B")
    line.declare("Event", period_s=None)
    now = now_us()
    line.recorder.take("A", now - 60 * SECOND, 1)
    line.recorder.take("Event", now - 60 * SECOND, 1)
    line.recorder.take("B", now, 1)
    assert line.recorder.silent() == ["A"]
    line.recorder.lost(GapReason.SILENT, line.recorder.silent())
    line.recorder.take("A", now, 2)
    line.recorder.flush()
    assert line.recorder.silent() == []
    assert line.gaps() == [(now - 60 * SECOND + 1, now, "silent")]
    line.spool.close()
