"""The watched folder: finished files only, moved when safe, read again where they were not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tundish_connectors.connector import ConnectorError, ErrorKind
from tundish_connectors.files.config import FolderConnection
from tundish_connectors.files.connector import FolderConnector
from tundish_platform.samples import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_platform.samples import SampleBatch

SIGNALS = [{"path": "T"}, {"path": "Name", "kind": "text"}]


class Keeping:
    """A recorder that keeps in memory, or refuses as a full spool does."""

    def __init__(self) -> None:
        self.specs: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.batches: list[SampleBatch] = []
        self.full_after: int | None = None

    def declare(self, specs: Sequence[Any]) -> None:
        self.specs = {spec.path: at for at, spec in enumerate(specs, 1)}

    def number(self, path: str) -> int:
        return self.specs[path]

    def keep_batches(self, batches: Sequence[SampleBatch]) -> bool:
        if self.full_after is not None and len(self.batches) >= self.full_after:
            return False
        self.batches += batches
        return True

    def rows(self) -> list[tuple[int, str, Any]]:
        return [
            (row["signal"], row["ts"].astimezone(UTC).isoformat(), row["value"])
            for batch in self.batches
            for row in batch.table.to_pylist()
        ]


class Folder:
    """A connector looked through once at a time, with a clock of its own."""

    def __init__(self, tmp_path: Path, **settings: Any) -> None:  # noqa: ANN401 - settings
        self.path = tmp_path / "drop"
        self.path.mkdir()
        self.now = 1_000.0
        told = {"name": "f", "state_dir": tmp_path, "folder": self.path, "signals": SIGNALS, **settings}
        self.connection = FolderConnection.model_validate(told)
        self.recorder = Keeping()
        self.connector = FolderConnector(self.connection, self.recorder, clock=lambda: self.now)
        self.recorder.declare([one.spec(self.connection, one.kind, None) for one in self.connection.signals])

    def look(self, after_s: float = 10.0) -> None:
        self.now += after_s
        for file in self.connector._finished():
            self.connector._import(file)
        self.connector._clear_done()

    def names(self, below: str = "") -> set[str]:
        place = self.path / below
        return {one.name for one in place.iterdir() if one.is_file()} if place.exists() else set()


GOOD = "path,ts,value\nT,2026-01-31T08:00:00Z,1.5\nName,2026-01-31T08:00:00+08:00,on\n"


def test_a_file_is_read_once_it_has_stopped_changing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    file = folder.path / "a.csv"
    file.write_text(GOOD[:40])
    folder.look()
    folder.look(2)
    file.write_text(GOOD)
    folder.look(4)
    assert folder.recorder.batches == []
    assert folder.connector.details()["waiting"] == ["a.csv"]
    folder.look(6)
    assert folder.recorder.rows() == [
        (1, "2026-01-31T08:00:00+00:00", 1.5),
        (2, "2026-01-31T00:00:00+00:00", "on"),
    ]
    assert {batch.origin for batch in folder.recorder.batches} == {Origin.IMPORT}
    assert folder.names() == set()
    assert folder.names("done") == {"a.csv"}
    folder.look()
    assert len(folder.recorder.batches) == 2


def test_unfinished_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path, pattern="oven*")
    for name in ("oven.csv.part", "~$oven.xlsx", ".oven.csv", "oven.tmp", "oven.pdf", "press.csv"):
        (folder.path / name).write_text(GOOD)
    for _ in range(3):
        folder.look()
    assert len(folder.names()) == 6
    assert folder.names("done") == set()


def test_an_unusable_file_is_set_aside_with_the_reason_and_the_next_is_read(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (folder.path / "1-bad.csv").write_text(GOOD + "Unknown,2026-01-31T08:00:00Z,1\n")
    (folder.path / "2-bad.parquet").write_bytes(b"PAR1 but not more")
    (folder.path / "3-bad.xlsx").write_bytes(b"no workbook")
    (folder.path / "4-naive.csv").write_text("path,ts,value\nT,2026-01-31 08:00:00,1\n")
    (folder.path / "5-good.csv").write_text(GOOD)
    folder.look()
    folder.look()
    assert folder.names("done") == {"5-good.csv"}
    assert len(folder.names("failed")) == 8
    reason = (folder.path / "failed" / "4-naive.csv.reason.txt").read_text("utf-8")
    assert "timezone" in reason
    assert "时区" in reason
    assert set(folder.recorder.failed) == {
        f"failed/{name}" for name in folder.names("failed") if "reason" not in name
    }


def test_a_full_spool_leaves_the_file_to_be_read_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (folder.path / "a.csv").write_text(GOOD)
    folder.recorder.full_after = 1
    folder.look()
    folder.look()
    assert folder.names() == {"a.csv"}
    folder.recorder.full_after = None
    folder.look()
    assert folder.names("done") == {"a.csv"}
    assert len(set(folder.recorder.rows())) == 2


def test_a_name_that_comes_again_replaces_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path, keep_done_days=1)
    for _ in range(3):
        (folder.path / "a.csv").write_text(GOOD)
        folder.look()
        folder.look()
    assert folder.names("done") == {"a.csv", "a-2.csv", "a-3.csv"}
    folder.now = datetime.now(UTC).timestamp() + timedelta(days=2).total_seconds()
    folder.look()
    assert folder.names("done") == set()


WIDE = {
    "layout": "wide",
    "time_column": "Zeit",
    "timezone": "Asia/Shanghai",
    "prefix": "Lab",
    "signals": [{"path": "Oven/T", "column": "T1"}, {"path": "Oven/Name", "column": "N", "kind": "text"}],
}
MOMENT = datetime(2026, 1, 31, 8)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_wide_tables_with_local_times_read_alike_from_each_format(tmp_path: Path, kind: str) -> None:
    folder = Folder(tmp_path, **WIDE)
    file = folder.path / f"a.{kind}"
    if kind == "csv":
        file.write_text("Zeit,T1,N,other\n2026-01-31 08:00:00,1.5,on,x\n2026-01-31 08:00:01,,off,y\n")
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in (["Zeit", "T1", "N"], [MOMENT, 1.5, "on"], [MOMENT + timedelta(seconds=1), None, "off"]):
            book.active.append(row)
        book.save(file)
    else:
        times = [MOMENT, MOMENT + timedelta(seconds=1)]
        pq.write_table(pa.table({"Zeit": times, "T1": [1.5, None], "N": ["on", "off"]}), file)
    folder.look()
    folder.look()
    assert list(folder.recorder.specs) == ["Lab/Oven/T", "Lab/Oven/Name"]
    assert folder.recorder.rows() == [
        (1, "2026-01-31T00:00:00+00:00", 1.5),
        (2, "2026-01-31T00:00:00+00:00", "on"),
        (2, "2026-01-31T00:00:01+00:00", "off"),
    ]


def test_a_long_workbook_holds_numbers_and_texts(tmp_path: Path) -> None:
    folder = Folder(tmp_path, timezone="UTC", sheet="data")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("data")
    for row in (
        ["path", "ts", "value"],
        ["T", MOMENT, 1.5],
        ["Name", "2026-01-31T08:00:01Z", "on"],
        [None] * 3,
    ):
        sheet.append(row)
    book.save(folder.path / "a.xlsx")
    folder.look()
    folder.look()
    assert [value for _, _, value in folder.recorder.rows()] == [1.5, "on"]


def test_a_folder_that_is_gone_is_told_and_looked_for_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.path.rmdir()
    with pytest.raises(ConnectorError) as caught:
        asyncio.run(folder.connector.run(lambda *_: None))
    assert caught.value.kind is ErrorKind.RETRY
    assert "目录" in caught.value.message_zh


def test_settings_name_what_is_wrong() -> None:
    good = {"name": "f", "state_dir": "/x", "folder": "/y", "signals": SIGNALS}
    FolderConnection.model_validate(good)
    for wrong in ({"folder": "y"}, {"pattern": "a/b"}, {"timezone": "Mars/Olympus"}, {"layout": "tall"}):
        with pytest.raises(ValidationError):
            FolderConnection.model_validate(good | wrong)
