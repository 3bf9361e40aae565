"""What the store's benchmark measures is what it says; and it fails where an engine is wrong."""

from __future__ import annotations

import json
import math
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tundish_deploy.benchmarks.store import page, peers, postgres, sql
from tundish_deploy.benchmarks.store.answers import same
from tundish_deploy.benchmarks.store.duck import DuckDb
from tundish_deploy.benchmarks.store.engine import Engine, WrongRows, closing, measure
from tundish_deploy.benchmarks.store.figures import Figures
from tundish_deploy.benchmarks.store.ours import Ours
from tundish_deploy.benchmarks.store.processes import PeerMissing
from tundish_deploy.benchmarks.store.profile import by_module
from tundish_deploy.benchmarks.store.questions import compare, compare_plain, questions
from tundish_deploy.benchmarks.store.workload import SIGNALS, START, Rows, Workload, cut, sent_again

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.samples import SampleBatch

ROOT = Path(__file__).resolve().parents[2]
ROWS = 200_000
WORKLOAD = Workload(ROWS)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return WORKLOAD.write(tmp_path_factory.mktemp("bench") / "rows.arrow")


@pytest.fixture
def ours(rows: Rows, tmp_path: Path) -> Iterator[Ours]:
    with closing(Ours(tmp_path, WORKLOAD, background=False)) as engine:
        for batch in rows.batches(50_000):
            engine.write(batch)
        engine.settle()
        yield engine


@pytest.fixture
def duck(rows: Rows, tmp_path: Path) -> Iterator[DuckDb]:
    folder = tmp_path / "duck"
    folder.mkdir()
    with closing(DuckDb(folder)) as engine:
        for batch in rows.batches(50_000):
            engine.write(batch.table)
        engine.sort()
        yield engine


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that the user postgres can reach; pytest's own are closed to others."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


class Forgetful(Engine):
    """Loses a row."""

    name = "forgetful"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = -1

    def encode(self, batch: SampleBatch) -> int:
        return len(batch)

    def write(self, encoded: int) -> None:
        self.kept += encoded

    def settle(self) -> float:
        return time.perf_counter()

    def rows(self) -> int:
        return self.kept

    def close(self) -> None:
        pass


def test_rows_are_those_of_sensors(rows: Rows) -> None:
    table = rows.table
    assert table.num_rows == ROWS
    assert table.group_by(["signal", "ts"]).aggregate([]).num_rows == ROWS
    hundredths = pc.multiply(table["value"], 100)
    assert pc.max(pc.abs(pc.subtract(hundredths, pc.round(hundredths)))).as_py() < 1e-6
    assert 0.0005 < pc.sum(pc.not_equal(table["status"], 0)).as_py() / ROWS < 0.0015
    assert pc.min(table["ts"]).as_py() >= START
    assert pc.max(table["ts"]).as_py() < WORKLOAD.end
    constant = table.filter(pc.equal(table["signal"], SIGNALS))
    assert len(pc.unique(constant["value"])) == 1
    assert pc.max(pc.bit_wise_and(table["ts"].cast(pa.int64()), 7)).as_py() == 0, "whole ms"


def test_late_rows_are_the_same_rows_in_another_order(rows: Rows) -> None:
    late = rows.late(ROWS, 0.05)
    order = [("signal", "ascending"), ("ts", "ascending")]
    assert late.sort_by(order).equals(rows.table.sort_by(order))
    assert not late.equals(rows.table)


def test_a_share_of_the_batches_is_sent_again(rows: Rows) -> None:
    batches = cut(rows.table, 4000)
    again = sent_again(batches, 25, 3)
    assert len(again) == len(batches) + 2
    assert again[3] is batches[3]
    assert again[4] is batches[0]


def test_an_engine_that_loses_a_row_has_no_speed(rows: Rows, tmp_path: Path) -> None:
    with pytest.raises(WrongRows, match=r"forgetful holds 199,999 rows and should hold 200,000"):
        measure(Forgetful(tmp_path), rows.batches(50_000))


def test_one_wrong_value_fails_the_comparison() -> None:
    right = pa.table({"signal": [1, 2], "mean": [1.0, None]})
    same("question", right, right)
    with pytest.raises(WrongRows, match="1 of 2 values of mean differ"):
        same("question", right, pa.table({"signal": [1, 2], "mean": [1.0, 0.0]}))
    with pytest.raises(WrongRows, match="2 rows, and 1"):
        same("question", right, right.slice(0, 1))


def test_ours_and_duckdb_agree_on_every_question(ours: Ours, duck: DuckDb) -> None:
    for question in questions(WORKLOAD):
        compare(question, ours, duck)


def test_a_changed_row_is_noticed(ours: Ours, duck: DuckDb) -> None:
    latest = questions(WORKLOAD)[0]
    duck.execute("UPDATE sorted SET value = value + 0.01 WHERE signal = 7")
    with pytest.raises(WrongRows, match="latest_1000: 1 of 1,000 values of value differ"):
        compare(latest, ours, duck)


def test_the_sql_of_aggregates_means_what_a_summary_means(ours: Ours, duck: DuckDb) -> None:
    signals = [1, 5, 300, 801, 850, 950]
    start, end, width = START + 100 * HOUR, START + 124 * HOUR, 12 * HOUR
    period = timedelta(milliseconds=WORKLOAD.period_ms)
    found = duck.ask(sql.aggregate("sorted", signals, start, end, width, period)).to_pylist()
    assert len(found) == 12
    for bucket in range(2):
        window = (start + bucket * width, start + (bucket + 1) * width)
        expected = {row["signal"]: row for row in ours.summary(signals, *window).to_pylist()}
        for row in (row for row in found if row["bucket"] == bucket):
            for name in ("mean", "min", "max", "count", "completeness"):
                wanted = expected[row["signal"]][name]
                assert math.isclose(row[name], wanted, rel_tol=1e-9), (row, expected[row["signal"]])


def test_unknown_and_missing_peers_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no peer 'oracle'.*victoriametrics"):
        peers.chosen("duckdb,oracle")
    assert peers.chosen("none") == []
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PeerMissing, match=r"influxd.*bench-packages\.sh.*--peers"):
        peers.chosen("duckdb,influxdb")


def test_the_binary_form_for_postgresql_is_as_long_as_it_must_be(rows: Rows) -> None:
    batch = next(rows.batches(10_000))
    encoded = postgres.Postgres.encode(None, batch)  # type: ignore[arg-type]
    # A head of 19 bytes, two fields count and an end; rows of 2 + 4 × 4 + 24 bytes.
    assert len(encoded) == 19 + 10_000 * 42 + 2


@pytest.mark.integration
def test_postgresql_holds_what_it_was_given_and_agrees_with_ours(
    rows: Rows, ours: Ours, reachable: Path
) -> None:
    with closing(postgres.Postgres(reachable)) as engine:
        written = measure(engine, rows.batches(50_000))
        assert written.rows == ROWS
        assert written.cpu > 0
        assert 48 < written.bytes_per_row < 60
        covered = START + timedelta(days=3)
        assert compare_plain(ours, engine.ask, covered) > SIGNALS
        engine.ask("UPDATE samples SET value = value + 1 WHERE signal = 7")
        with pytest.raises(WrongRows, match="hours of PostgreSQL"):
            compare_plain(ours, engine.ask, covered)


def test_bars_are_judged_at_full_size_only_and_a_missing_value_reaches_none() -> None:
    for full, expected in ((True, [False, False, True]), (False, [None, None, None])):
        figures = Figures(full=full)
        figures.add("slow", 3.0, "ms", "lower", 2.0)
        figures.add("absent", None, "ms", "lower", 2.0)
        figures.add("quick", 1.0, "ms", "lower", 2.0)
        assert [figure.holds for figure in figures.found] == expected


def test_the_profile_tells_foreign_time_to_the_module_that_asked_for_it() -> None:
    log = ("/x/tundish_platform/store/log/filelog.py", 1, "append")
    buffer = ("/x/tundish_platform/store/write/buffer.py", 1, "add")
    helper = ("/lib/helper.py", 1, "helper")
    sync = ("~", 0, "<built-in fdatasync>")
    stats = {
        log: (1, 1, 1.0, 5.0, {}),
        buffer: (1, 1, 2.0, 3.0, {}),
        helper: (2, 2, 1.0, 5.0, {log: (1, 1, 0.5, 4.0), buffer: (1, 1, 0.5, 1.0)}),
        sync: (2, 2, 4.0, 4.0, {helper: (2, 2, 4.0, 4.0)}),
    }
    assert by_module(stats) == pytest.approx({"store.log.filelog": 5.0, "store.write.buffer": 3.0})


def test_the_page_shows_the_last_figures() -> None:
    report = json.loads((ROOT / "docs/figures/bench-store.json").read_text("utf-8"))
    text = (ROOT / "docs/reference/bench-store.md").read_text("utf-8")
    assert page.with_table(text, "figures", page.figures_table(report)) == text


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        page.with_table("# Page\n", "figures", "| a |")
