"""Leaving with everything: what is written can be read by who has pandas and nothing of ours."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tundish_platform.samples import SCHEMAS, SampleKind, SignalInfo
from tundish_platform.store.lifecycle.merge import merged_runs, sorted_run
from tundish_platform.store.lifecycle.quota import QueryTooLong
from tundish_platform.store.lifecycle.retention import Level, Removed
from tundish_platform.store.lifecycle.snapshot import (
    FileSnapshot,
    HeldFile,
    Listing,
    columns_of,
    held_still,
)
from tundish_platform.store.lifecycle.takeout import write_takeout
from tundish_platform.store.lifecycle.targets import FolderTarget, ZipTarget
from tundish_platform.tenancy import AccessDenied, Permission, Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Town

START = datetime(2026, 3, 30, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "numeric": [1.5, float("nan"), None],
    "integer": [2**60 + 1, -1, None],
    "text": ["läuft", "运行", None],
    "array": [[1.0, 2.0], [], None],
}


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def table(kind: str, rows: list[tuple[int, float, Any]]) -> pa.Table:
    """Rows of (signal, hour, value), or of gaps (signal, hour, reason)."""
    extra = [pa.field("arrival", pa.timestamp("us", "UTC")), pa.field("live", pa.bool_())]
    schema = pa.schema([*SCHEMAS[SampleKind(kind)], *extra])
    full: list[tuple[Any, ...]]
    if kind == "gap":
        full = [(s, at(h), at(h + 1), reason, START, True) for s, h, reason in rows]
    else:
        full = [(s, at(h), value, 0, START, True) for s, h, value in rows]
    arrays = [pa.array(c, f.type) for c, f in zip(zip(*full, strict=True), schema, strict=True)]
    return pa.table(arrays, schema=schema)


class Disk:
    """A tenant's files and chunks, as the store would list them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[HeldFile] = []
        self.chunks: dict[SampleKind, list[pa.Table]] = {}

    def write(self, kind: str, rows: pa.Table, level: Level = Level.RAW, day: date | None = None) -> HeldFile:
        path = self.folder / f"{kind}-{level}-{len(list(self.folder.iterdir()))}.parquet"
        pq.write_table(rows, path, row_group_size=500)
        file = HeldFile(SampleKind(kind), day or rows["ts"][0].as_py().date(), level, path)
        self.files.append(file)
        return file

    def listing(self) -> Listing:
        return Listing(list(self.files), {kind: list(chunks) for kind, chunks in self.chunks.items()})


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    (tmp_path / "steel").mkdir()
    return Disk(tmp_path / "steel")


def spec(signal: int, **more: Any) -> SignalInfo:  # noqa: ANN401 - fields of `SignalInfo`
    fields = {
        "path": f"S/A/L/M/C/V{signal}",
        "name_zh": "温度, 一号",
        "name_en": "temperature",
        "semantic": "t",
    }
    return SignalInfo.model_validate(fields | {"id": signal, "source": "line"} | more)


def take(town: Town, disk: Disk, folder: Path, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on
    with held_still(disk.folder, disk.listing) as snapshot:
        return write_takeout(FolderTarget(folder), town.scope("steel"), snapshot, [spec(1), spec(2)], **more)


def read(folder: Path, kind: str) -> list[tuple[int, datetime, Any]]:
    found: list[tuple[int, datetime, Any]] = []
    for path in sorted((folder / kind).glob("*.parquet")):
        columns = pq.read_table(path, columns=["signal", "ts", "value"]).to_pydict().values()
        found += list(zip(*columns, strict=True))
    return found


STRANGER = """
import json, sys
import pandas as pd

signals = pd.read_csv("signals.csv").set_index("id")
samples = pd.read_parquet("numeric")
samples["path"] = samples["signal"].map(signals["path"])
print(json.dumps({
    "paths": sorted(set(samples["path"])),
    "names": signals["name_zh"].tolist(),
    "sum": samples["value"].sum(),
    "utc": str(samples["ts"].dtype),
    "good": int((samples["status"] // 2**30 == 0).sum()),
    "integer": int(pd.read_parquet("integer")["value"].max()),
    "text": pd.read_parquet("text")["value"].tolist(),
    "array": [list(v) for v in pd.read_parquet("array")["value"] if v is not None],
    "gap": pd.read_parquet("gap")["reason"].tolist(),
    "hours": pd.read_parquet("rollup-3600s/numeric")["count"].tolist(),
    "removed": pd.read_csv("removed.csv")["level"].tolist(),
    "ours": [name for name in sys.modules if name.startswith("tundish")],
}))
"""


@pytest.mark.integration
def test_a_stranger_reads_it_with_pandas_alone(town: Town, disk: Disk, tmp_path: Path) -> None:
    disk.write("numeric", table("numeric", [(1, 0, 1.0), (2, 1, 2.0)]))
    disk.write("integer", table("integer", [(3, 0, 2**60 + 1)]))
    disk.write("text", table("text", [(4, 0, "läuft"), (4, 1, "运行")]))
    disk.write("array", table("array", [(5, 0, [1.0, 2.0])]))
    disk.write("gap", table("gap", [(1, 5, "overflow")]))
    hours = pa.table({"signal": pa.array([1], pa.uint32()), "ts": pa.array([at(-240)]), "count": [3600]})
    disk.write("numeric", hours, Level.HOUR, at(-240).date())
    disk.chunks[SampleKind.NUMERIC] = [table("numeric", [(2, 2, 40.0)])]
    gone = [Removed(SampleKind.NUMERIC, Level.RAW, date(2026, 3, 20), date(2026, 3, 21), 9, 9, 5, START)]
    take(town, disk, tmp_path / "out", removed=gone)
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STRANGER],
        cwd=tmp_path / "out", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {
        "paths": ["S/A/L/M/C/V1", "S/A/L/M/C/V2"], "names": ["温度, 一号"] * 2, "sum": 43.0,
        "utc": "datetime64[us, UTC]", "good": 3, "integer": 2**60 + 1, "text": ["läuft", "运行"],
        "array": [[1.0, 2.0]], "gap": ["overflow"], "hours": [3600], "removed": ["raw"], "ours": [],
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_every_kind_comes_out_as_it_was(town: Town, disk: Disk, tmp_path: Path, kind: str) -> None:
    rows = table(kind, [(1, hour, value) for hour, value in enumerate(VALUES[kind])])
    disk.write(kind, rows)
    take(town, disk, tmp_path / "out")
    (path,) = (tmp_path / "out" / kind).iterdir()
    found = pq.read_table(path)
    assert found.schema.names == columns_of(SampleKind(kind))
    assert str(found.to_pydict()) == str(rows.to_pydict())


def test_the_last_write_wins_between_files_and_chunks(town: Town, disk: Disk, tmp_path: Path) -> None:
    disk.write("numeric", table("numeric", [(1, 0, 1.0), (1, 1, 1.0), (1, 2, 1.0)]))
    disk.write("numeric", table("numeric", [(1, 1, 2.0), (1, 2, 2.0)]))
    disk.chunks[SampleKind.NUMERIC] = [
        table("numeric", [(2, 0, 3.0), (1, 2, 3.0), (1, 30, 3.0)]), table("numeric", [(2, 0, 4.0)]),
    ]  # fmt: skip
    manifest = take(town, disk, tmp_path / "out", by="day")
    assert read(tmp_path / "out", "numeric") == [
        (1, at(0), 1.0), (1, at(1), 2.0), (1, at(2), 3.0), (2, at(0), 4.0), (1, at(30), 3.0),
    ]  # fmt: skip
    assert manifest["rows"] == {"numeric": 5}


def test_one_file_a_month_or_a_day(town: Town, disk: Disk, tmp_path: Path) -> None:
    disk.chunks[SampleKind.NUMERIC] = [table("numeric", [(1, hour, 1.0) for hour in (0, 24, 47, 48, 72)])]
    for by, names in (
        ("month", ["2026-03", "2026-04"]),
        ("day", ["2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02"]),
    ):
        take(town, disk, tmp_path / by, by=by)
        assert sorted(path.stem for path in (tmp_path / by / "numeric").iterdir()) == names


def test_the_snapshot_stands_still_while_the_store_goes_on(town: Town, disk: Disk, tmp_path: Path) -> None:
    old = [disk.write("numeric", table("numeric", [(1, hour, 1.0)])) for hour in range(3)]
    disk.chunks[SampleKind.NUMERIC] = [table("numeric", [(1, 3, 1.0)])]
    with held_still(disk.folder, disk.listing) as snapshot:
        # What merging, sealing and appending do meanwhile.
        disk.write("numeric", table("numeric", [(1, hour, 2.0) for hour in range(5)]))
        for file in old:
            file.path.unlink()
            disk.files.remove(file)
        disk.chunks[SampleKind.NUMERIC].append(table("numeric", [(1, 9, 2.0)]))
        write_takeout(FolderTarget(tmp_path / "out"), town.scope("steel"), snapshot, [])
    assert read(tmp_path / "out", "numeric") == [(1, at(hour), 1.0) for hour in range(4)]
    assert list((disk.folder / "takeout").iterdir()) == [], "nothing is held any more"


def test_a_merge_during_the_linking_begins_it_anew(disk: Disk, town: Town, tmp_path: Path) -> None:
    first = disk.write("numeric", table("numeric", [(1, 0, 1.0)]))
    second = disk.write("numeric", table("numeric", [(1, 1, 1.0)]))
    listings = 0

    def listing() -> Listing:
        nonlocal listings
        found = disk.listing()
        listings += 1
        if listings == 1:
            disk.write("numeric", table("numeric", [(1, 0, 1.0), (1, 1, 1.0)]))
            for file in (first, second):
                disk.files.remove(file)
            second.path.unlink()
        return found

    with held_still(disk.folder, listing) as snapshot:
        write_takeout(FolderTarget(tmp_path / "out"), town.scope("steel"), snapshot, [])
    assert listings == 2
    assert len(read(tmp_path / "out", "numeric")) == 2
    assert list((disk.folder / "takeout").iterdir()) == []


def test_rollups_come_along_where_the_raw_rows_are_gone(town: Town, disk: Disk, tmp_path: Path) -> None:
    rollup = pa.table({"signal": pa.array([1], pa.uint32()), "ts": pa.array([at(0)]), "count": [5]})
    disk.write("numeric", table("numeric", [(1, 0, 1.0)]))
    for hours in (0, -48):
        disk.write("numeric", rollup, Level.HOUR, at(hours).date())
    manifest = take(town, disk, tmp_path / "out", by="day")
    assert manifest["rows"] == {"numeric": 1, "rollup-3600s/numeric": 1}
    assert [p.stem for p in (tmp_path / "out" / "rollup-3600s" / "numeric").iterdir()] == ["2026-03-28"]


def test_checksums_and_sizes_are_those_of_the_files(town: Town, disk: Disk, tmp_path: Path) -> None:
    disk.write("numeric", table("numeric", [(1, 0, 1.0)]))
    take(town, disk, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    there = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert {entry["path"] for entry in manifest["files"]} == there - {"manifest.json"}
    for entry in manifest["files"]:
        data = (tmp_path / "out" / entry["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    (numeric,) = (entry for entry in manifest["files"] if entry["path"].startswith("numeric"))
    assert (numeric["rows"], numeric["first"], numeric["last"]) == (1, START.isoformat(), START.isoformat())


class Pipe(io.RawIOBase):
    """Takes bytes and cannot be sought in, like a connection."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self.data += data
        return len(data)


def test_the_zip_stream_holds_the_same_files(town: Town, disk: Disk, tmp_path: Path) -> None:
    disk.write("numeric", table("numeric", [(1, 0, 1.0)]))
    take(town, disk, tmp_path / "out")
    pipe = Pipe()
    with held_still(disk.folder, disk.listing) as snapshot, ZipTarget(pipe) as target:  # type: ignore[arg-type]
        write_takeout(target, town.scope("steel"), snapshot, [spec(1), spec(2)])
    with zipfile.ZipFile(io.BytesIO(bytes(pipe.data))) as archive:
        assert archive.testzip() is None
        there = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
        assert set(archive.namelist()) == there
        for name in ("signals.csv", "numeric/2026-03.parquet"):
            assert archive.read(name) == (tmp_path / "out" / name).read_bytes()


def test_whose_data_it_is_stands_in_the_text_and_in_the_manifest(
    town: Town, disk: Disk, tmp_path: Path
) -> None:
    assert take(town, disk, tmp_path / "out")["tenant"] == "steel"
    words = (tmp_path / "out" / "README.txt").read_text("utf-8")
    assert "Data of tenant steel, " in words
    assert "租户 steel 的数据" in words


def test_only_who_may_read_everything_takes_out(town: Town, disk: Disk, tmp_path: Path) -> None:
    narrow = town.scope("steel").narrowed(frozenset({1}), frozenset(Permission))
    for scope in (narrow, town.scope("steel", Role.COLLECTOR), town.operates("steel")):
        with pytest.raises(AccessDenied):
            write_takeout(FolderTarget(tmp_path / "out"), scope, FileSnapshot(disk.listing()), [])


def test_a_takeout_ends_between_parts_and_has_no_manifest(town: Town, disk: Disk, tmp_path: Path) -> None:
    disk.write("numeric", table("numeric", [(1, 0, 1.0)]))
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise QueryTooLong("enough")

    with pytest.raises(QueryTooLong):
        take(town, disk, tmp_path / "out", check=check)
    assert not (tmp_path / "out" / "manifest.json").exists()
    with pytest.raises(FileExistsError, match="not empty"):
        FolderTarget(tmp_path / "out")


def test_merging_holds_only_a_piece_of_each_run() -> None:
    pulled = given = most = 0

    def run(number: int) -> Iterator[pa.Table]:
        nonlocal pulled
        for piece in range(200):
            rows = np.arange(100) * 8 + number + piece * 800
            pulled += 100
            yield pa.table({"signal": pa.array(np.zeros(100), pa.uint32()), "ts": pa.array(rows, TS)})

    for found in merged_runs([run(number) for number in range(8)]):
        given += found.num_rows
        most = max(most, pulled - given)
    assert pulled == given == 8 * 200 * 100
    assert most <= 2 * 8 * 100


TS = pa.timestamp("us", "UTC")


@pytest.mark.parametrize("seed", range(20))
def test_merging_gives_what_sorting_everything_gives(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    wanted: dict[tuple[int, int], int] = {}
    runs, total = [], 0
    for number in range(int(drawn.integers(1, 6))):
        rows = int(drawn.integers(0, 300))
        columns = {
            "signal": pa.array(drawn.integers(0, 4, rows), pa.uint32()),
            "ts": pa.array(drawn.integers(0, 60, rows), TS),
            "value": pa.array(np.arange(rows) + number * 1000),
        }
        run = next(sorted_run(pa.table(columns)), pa.table(columns))
        for signal, ts, value in zip(run["signal"], run["ts"].cast("int64"), run["value"], strict=True):
            wanted[signal.as_py(), ts.as_py()] = value.as_py()
        total += run.num_rows
        cuts = sorted({0, rows, *drawn.integers(0, max(1, run.num_rows), 3).tolist()})
        runs.append([run.slice(a, b - a) for a, b in pairwise([*cuts, run.num_rows])])
    found = list(merged_runs(runs))
    rows_found = [
        (s.as_py(), t.as_py(), v.as_py())
        for part in found
        for s, t, v in zip(part["signal"], part["ts"].cast("int64"), part["value"], strict=True)
    ]
    assert rows_found == [(*key, wanted[key]) for key in sorted(wanted)]
    assert sum(part.num_rows for part in merged_runs(runs, once=False)) == total
